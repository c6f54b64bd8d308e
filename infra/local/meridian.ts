/** A core and two edges of this checkout, run from the sources. Knows their command lines and their readiness. */
import { join } from 'node:path'
import { type Lifetime, ManagedProcess } from './process.ts'

export interface MeridianPorts {
  /** HTTP of the core. */
  readonly core: number
  readonly edges: readonly { readonly mqtt: number; readonly http: number }[]
}

export interface MeridianOptions extends Lifetime {
  /** Logs are kept in it. */
  readonly dir: string
  readonly ports: MeridianPorts
  /** `host:port` */
  readonly rocketmq: string
  /** `redis://host:port` */
  readonly redis: string
}

export interface Meridian {
  readonly core: ManagedProcess
  readonly edges: readonly ManagedProcess[]
}

const PROGRAM = new URL('../standalone/main.node.ts', import.meta.url).pathname

/** The core has to run before the edges are ready. Nothing is started. */
export function describeMeridian(options: MeridianOptions): Meridian {
  const { dir, ports, rocketmq, redis } = options
  const node = (name: string, kind: 'core' | 'edge', own: Readonly<Record<string, number>>, words: readonly string[]) =>
    new ManagedProcess(
      {
        name,
        kind,
        command: process.execPath,
        args: [PROGRAM, kind, '--id', name, '--http-port', String(own.http), ...words],
        ports: own,
        logFile: join(dir, name, 'output.log'),
        isReady: async () => (await fetch(`http://127.0.0.1:${own.http}/readyz`)).ok,
      },
      options,
    )
  return {
    core: node('core-1', 'core', { http: ports.core }, ['--rocketmq', rocketmq, '--state', redis]),
    edges: ports.edges.map(({ mqtt, http }, i) =>
      node(`edge-${i + 1}`, 'edge', { mqtt, http }, [
        ...['--mqtt-port', String(mqtt)],
        ...['--core', `ws://127.0.0.1:${ports.core}`],
      ]),
    ),
  }
}
