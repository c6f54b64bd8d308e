/** The links of a core to the cores of other sites: one each, as an edge links. Opens them, and keeps their time. */
import type { Incarnation } from '../../core/contract/ids.ts'
import type { LinkStats } from '../../core/contract/link/stats.ts'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import type { Peers } from '../../core/site/peers.ts'
import { RemoteLink } from '../../edge/link/remote-link.ts'
import type { CoreConfig } from '../config/core.ts'
import type { EventLog } from '../event-log.ts'
import type { Turn } from '../standalone/turn.ts'

export interface PeerLinks {
  readonly config: CoreConfig
  readonly incarnation: Incarnation
  /** A core of our site that becomes active later has a higher one. */
  readonly term: number
  readonly connect: LinkConnector
  readonly stats: LinkStats
  readonly turn: Turn
  readonly events: EventLog
  /** Runs what a connection brings while it is certain that it is this core's turn. */
  readonly run: (fn: () => void) => void
}

/** Adds a link per other site; `peers.start()` opens them. */
export function addPeers(peers: Peers, links: PeerLinks): void {
  const { config, incarnation, term, connect, stats, turn, events, run } = links
  const { id, site, linkToken, limits } = config
  const guarded: LinkConnector = (url, opened, { message, closed }) =>
    connect(url, () => run(opened), {
      message: bytes => run(() => message(bytes)),
      closed: detail => run(() => closed(detail)),
    })
  for (const [name, cores] of config.peers)
    peers.add(
      name,
      edge =>
        new RemoteLink(edge, {
          incarnation,
          id,
          region: site,
          peer: { site, to: name, term },
          cores,
          prefer: '',
          token: linkToken ?? '',
          limits,
          stats,
          connect: guarded,
          now: Date.now,
          random: Math.random,
          atTurnEnd: turn.edge,
          events: events.write,
        }),
    )
}
