/** Starts name server, broker and proxy of RocketMQ in one folder and creates Meridian's topics and groups. */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../ports.ts'
import type { ManagedProcess } from '../process.ts'
import { createGroup, createTopic } from './admin.ts'
import { provideJars } from './jars.ts'
import { GROUPS, type GroupSpec, TOPICS, type TopicSpec } from './names.ts'
import { jvm, rocketmqServers } from './servers.ts'
import type { RocketmqPorts, RocketmqSettings } from './settings.ts'

export interface RocketmqOptions extends RocketmqSettings {
  /** Everything is kept in it: stores, logs, client caches. A start in a folder that has a store continues with it. */
  readonly dir: string
  /** Default: free ones. */
  readonly ports?: RocketmqPorts
  /** Created if they are not there. Default: Meridian's own. */
  readonly topics?: readonly TopicSpec[]
  readonly groups?: readonly GroupSpec[]
  /** The servers outlive this process. Default false. */
  readonly outlives?: boolean
  /** Called before each step, for people who wait. */
  readonly onStep?: (text: string) => void
}

export interface Rocketmq {
  readonly namesrv: ManagedProcess
  readonly broker: ManagedProcess
  readonly proxy: ManagedProcess
  /** In the order in which they have to be started. */
  readonly processes: readonly ManagedProcess[]
  /** `host:port` of the proxy's gRPC, for clients. */
  readonly endpoint: string
  /** `host:port` of the name server. */
  readonly namesrvAddress: string
  readonly dir: string
  createTopic(topic: TopicSpec): Promise<void>
  createGroup(group: GroupSpec): Promise<void>
  /** Runs mqadmin with these words (`-n` is added); about a second. @returns what it printed. @throws Error with that if it failed. */
  admin(...words: readonly string[]): Promise<string>
  /** Lines of the broker's logs that mean lost or doubled entries of a queue. */
  faults(): string[]
  /** All at once; SIGKILL follows after `graceMs` (default 10 000; 0: at once). Resolves when all are gone. The folder stays. */
  stop(graceMs?: number): Promise<void>
}

/** @throws Error that names the missing Debian packages, or the server that does not start with the end of its log. */
export async function startRocketmq(options: RocketmqOptions): Promise<Rocketmq> {
  const { topics = TOPICS, groups = GROUPS, onStep = () => {} } = options
  const ports = options.ports ?? (await pickPorts())
  onStep('RocketMQ: jars')
  const jars = await provideJars()
  const rocketmq = assemble(jars, ports, options)
  try {
    for (const server of rocketmq.processes) {
      onStep(`RocketMQ: ${server.name}`)
      await server.start()
      if (server !== rocketmq.broker) continue
      onStep('RocketMQ: topics and groups')
      await Promise.all(topics.map(rocketmq.createTopic))
      await Promise.all(groups.map(rocketmq.createGroup))
    }
  } catch (error) {
    await rocketmq.stop(0)
    throw error
  }
  return rocketmq
}

async function pickPorts(): Promise<RocketmqPorts> {
  // The broker also takes the port two below its own.
  const first = await freePorts(6)
  return { namesrv: first, broker: first + 3, ha: first + 4, proxy: first + 2, proxyRemoting: first + 5 }
}

function assemble(jars: string, ports: RocketmqPorts, options: RocketmqOptions): Rocketmq {
  const { dir } = options
  const { namesrv, broker, proxy } = rocketmqServers(jars, ports, options)
  const processes = [namesrv, broker, proxy]
  const namesrvAddress = `127.0.0.1:${ports.namesrv}`
  return {
    namesrv,
    broker,
    proxy,
    processes,
    endpoint: `127.0.0.1:${ports.proxy}`,
    namesrvAddress,
    dir,
    createTopic: topic => createTopic(ports, topic),
    createGroup: group => createGroup(ports, group),
    admin: (...words) => admin(jars, join(dir, 'mqadmin'), namesrvAddress, words),
    faults: () => faults(join(dir, 'broker')),
    async stop(graceMs) {
      await Promise.all(processes.map(one => one.stop(graceMs)))
    },
  }
}

async function admin(jars: string, home: string, namesrv: string, words: readonly string[]): Promise<string> {
  const [command = 'help', ...rest] = words
  const main = 'org.apache.rocketmq.tools.command.MQAdminStartup'
  mkdirSync(home, { recursive: true })
  const args = ['-Xmx256m', '-XX:TieredStopAtLevel=1', ...jvm(home, jars), main, command, '-n', namesrv, ...rest]
  const { stdout, stderr } = await promisify(execFile)('java', args, { cwd: home, timeout: 60_000 })
  return stdout + stderr
}

/** As rocketmq-mqtt lost messages with them in the log. */
const FAULTS = /Build {2}consume queue repeatedly|logic queue order maybe wrong/

function faults(home: string): string[] {
  const logs = join(home, 'logs', 'rocketmqlogs')
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.log'))
    .flatMap(name => readFileSync(join(logs, name), 'utf8').split('\n'))
    .filter(line => FAULTS.test(line))
}
