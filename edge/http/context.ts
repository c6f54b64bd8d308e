/** What the HTTP side is given by who starts it. Owns no behaviour. */
import type { Limits } from '../../core/contract/limits.ts'
import type { AcceptGate } from '../listen/accept-limit.ts'
import type { ConnectionFactory } from '../listen/transport.ts'
import type { Regions } from '../region/regions.ts'
import type { EdgeStats } from '../stats.ts'
import type { Admin } from './drain.ts'

/** One open listener, as the page shows it. `port` is 0 (and `host` the path) for a Unix socket. */
export interface ListenerInfo {
  readonly kind: string
  readonly host: string
  readonly port: number | string
}

export interface Readiness {
  readonly ok: boolean
  /** Why not, for people: `Draining`, `Log is not open`. */
  readonly reasons: readonly string[]
}

/** What a port serves beside `/mqtt`: everything; `/regions` and health without reasons, for devices and load balancers; nothing. */
export type Pages = 'all' | 'devices' | 'none'

export interface HttpContext {
  readonly factory: ConnectionFactory
  readonly limits: Pick<Limits, 'maxPacketBytes' | 'maxConnections' | 'connectTimeoutMs'>
  readonly stats: EdgeStats
  readonly version: string
  ready(): Readiness
  listeners(): readonly ListenerInfo[]
  /** The Prometheus text, see `metrics.ts`. */
  metrics(): Promise<string>
  /** Where else devices may go; without it there is one region, `default`. */
  readonly regions?: Regions
  /** Who may drain this edge; without it nobody. */
  readonly admin?: Admin
  /** Shared with the other listeners; without it everybody is let in. */
  readonly gate?: AcceptGate
  /** Pages that may connect from a browser (`https://example.org`); undefined: all. Clients without Origin always may. */
  readonly allowedOrigins?: readonly string[]
}
