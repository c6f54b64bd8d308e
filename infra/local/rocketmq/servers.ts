/** How each server of RocketMQ is run: JVM flags, main class, configuration file, and when it is ready. Starts nothing. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers } from '../ports.ts'
import { type Lifetime, ManagedProcess, type ProcessKind } from '../process.ts'
import { ask, RequestCode } from './remoting.ts'
import { BROKER, brokerProperties, proxySettings, type RocketmqPorts, type RocketmqSettings } from './settings.ts'

export interface ServerOptions extends RocketmqSettings, Lifetime {
  readonly dir: string
  /** More words for each Java. Default: `QUICK_START`. */
  readonly jvmFlags?: readonly string[]
}

interface JavaServer {
  /** Also its folder, which is its home directory: logs and caches stay in it. */
  readonly name: string
  readonly kind: ProcessKind
  readonly ports: Readonly<Record<string, number>>
  readonly flags: readonly string[]
  readonly main: string
  readonly args: readonly string[]
  /** Name and text of a file that is written into its folder; its path becomes the last argument. */
  readonly config: readonly [name: string, text: string]
  readonly isReady: () => Promise<boolean>
  readonly startsAgain?: boolean
}

/** A third less of CPU until all three serve, a fifth less of memory; less speed for who goes on to load them fully. */
const QUICK_START = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/** Some seconds each; a machine that does much else needs a minute. */
const READY_WITHIN_MS = 120_000

/** @param jars the folder of RocketMQ's jars */
export function rocketmqServers(jars: string, ports: RocketmqPorts, options: ServerOptions) {
  const { dir, jvmFlags = QUICK_START } = options
  const server = ({ flags, main, args, config: [file, text], ...spec }: JavaServer): ManagedProcess => {
    const home = join(dir, spec.name)
    return new ManagedProcess(
      {
        ...spec,
        command: 'java',
        args: [...flags, ...jvmFlags, ...jvm(home, jars), main, ...args, join(home, file)],
        logFile: join(home, 'output.log'),
        readyWithinMs: READY_WITHIN_MS,
        prepare() {
          mkdirSync(home, { recursive: true })
          writeFileSync(join(home, file), text)
        },
      },
      options,
    )
  }
  const namesrv = server({
    name: 'namesrv',
    kind: 'rocketmq-namesrv',
    ports: { remoting: ports.namesrv },
    flags: ['-Xms64m', '-Xmx256m'],
    main: 'org.apache.rocketmq.namesrv.NamesrvStartup',
    args: ['-c'],
    config: ['namesrv.properties', `listenPort=${ports.namesrv}\nbindAddress=127.0.0.1\n`],
    isReady: async () => (await ask(ports.namesrv, RequestCode.clusterInfo)).code === 0,
  })
  const broker = server({
    name: 'broker',
    kind: 'rocketmq-broker',
    ports: { remoting: ports.broker, fast: ports.broker - 2, ha: ports.ha },
    flags: ['-Xms256m', '-Xmx1g', '-XX:MaxDirectMemorySize=512m'],
    main: 'org.apache.rocketmq.broker.BrokerStartup',
    args: ['-c'],
    config: ['broker.properties', brokerProperties(join(dir, 'broker'), ports, options)],
    // Clients find it only when the name server knows it.
    isReady: async () =>
      (await ask(ports.broker, RequestCode.topicConfig, { topic: 'TBW102' })).code >= 0 &&
      (await ask(ports.namesrv, RequestCode.clusterInfo)).body.includes(`"brokerName":"${BROKER}"`),
  })
  const proxy = server({
    name: 'proxy',
    kind: 'rocketmq-proxy',
    ports: { grpc: ports.proxy, remoting: ports.proxyRemoting },
    flags: ['-Xms128m', '-Xmx512m', '-XX:MaxDirectMemorySize=512m'],
    main: 'org.apache.rocketmq.proxy.ProxyStartup',
    // Lite topics need the cluster mode; with the proxy in the broker's process subscribing to one fails.
    args: ['-pm', 'cluster', '-pc'],
    config: ['rmq-proxy.json', proxySettings(ports, options)],
    isReady: () => answers(ports.proxy),
    // It ends at once as long as there is no broker to create its own topic on.
    startsAgain: true,
  })
  return { namesrv, broker, proxy }
}

/** @param home what RocketMQ takes for the user's home directory */
export const jvm = (home: string, jars: string): string[] => [
  `-Duser.home=${home}`,
  `-Drocketmq.home.dir=${home}`,
  '-cp',
  `${jars}/*`,
]
