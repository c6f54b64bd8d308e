/** Starts name server, broker and proxy of RocketMQ in one folder and creates Meridian's topics and groups. */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../ports.ts'
import type { ManagedProcess } from '../process.ts'
import { requirePrograms } from '../programs.ts'
import { createGroup, createTopic } from './admin.ts'
import { haveJars, JARS, provideJars } from './jars.ts'
import { GROUPS, type GroupSpec, TOPICS, type TopicSpec } from './names.ts'
import { jvm, rocketmqServers, type ServerOptions } from './servers.ts'
import type { RocketmqPorts } from './settings.ts'

export interface RocketmqOptions extends ServerOptions {
  /** Everything is kept in it: stores, logs, client caches. A start in a folder that has a store continues with it. */
  readonly dir: string
  /** Default: free ones. */
  readonly ports?: RocketmqPorts
  /** Created if they are not there. Default: Meridian's own. */
  readonly topics?: readonly TopicSpec[]
  readonly groups?: readonly GroupSpec[]
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
  /** Resolves when all answer and topics and groups are there. What already runs goes on. */
  start(): Promise<void>
  /** Lines of the broker's logs that mean lost or doubled entries of a queue. */
  faults(): string[]
  /** All at once; SIGKILL follows after `graceMs` (default 10 000; 0: at once). Resolves when all are gone. The folder stays. */
  stop(graceMs?: number): Promise<void>
}

/** @throws Error that names the missing Debian packages, or the server that does not start with the end of its log; then none is left running. */
export async function startRocketmq(options: RocketmqOptions): Promise<Rocketmq> {
  const rocketmq = describeRocketmq({ ...options, ports: options.ports ?? (await pickPorts()) })
  try {
    await rocketmq.start()
  } catch (error) {
    await rocketmq.stop(0)
    throw error
  }
  return rocketmq
}

/** Free ones. */
export async function pickPorts(): Promise<RocketmqPorts> {
  // The broker also takes the port two below its own.
  const first = await freePorts(6)
  return { namesrv: first, broker: first + 3, ha: first + 4, proxy: first + 2, proxyRemoting: first + 5 }
}

/** The same without starting it. */
export function describeRocketmq(options: RocketmqOptions & { readonly ports: RocketmqPorts }): Rocketmq {
  const { ports, topics = TOPICS, groups = GROUPS, onStep = () => {} } = options
  const dir = resolve(options.dir)
  const { namesrv, broker, proxy } = rocketmqServers(JARS, ports, { ...options, dir })
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
    admin: (...words) => admin(join(dir, 'mqadmin'), namesrvAddress, words),
    faults: () => faults(join(dir, 'broker')),
    async start() {
      requirePrograms('java')
      if (!haveJars()) onStep('RocketMQ: download from Maven Central, about 100 MB, once')
      await provideJars()
      onStep('RocketMQ: name server')
      await namesrv.start()
      onStep('RocketMQ: broker')
      await broker.start()
      onStep('RocketMQ: topics and groups')
      await Promise.all(topics.map(topic => createTopic(ports, topic)))
      await Promise.all(groups.map(group => createGroup(ports, group)))
      onStep('RocketMQ: proxy')
      await proxy.start()
    },
    async stop(graceMs) {
      await Promise.all(processes.map(one => one.stop(graceMs)))
    },
  }
}

async function admin(home: string, namesrv: string, words: readonly string[]): Promise<string> {
  const [command = 'help', ...rest] = words
  const main = 'org.apache.rocketmq.tools.command.MQAdminStartup'
  mkdirSync(home, { recursive: true })
  const args = ['-Xmx256m', '-XX:TieredStopAtLevel=1', ...jvm(home, JARS), main, command, '-n', namesrv, ...rest]
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
