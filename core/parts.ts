/** Puts the parts of a core together. Decides nothing and runs nothing: `core.ts` does. */
import type { ClientKey } from './contract/ids.ts'
import { tenantOf } from './contract/ids.ts'
import type { MessageInit } from './contract/message.ts'
import type { CoreOptions } from './core.ts'
import type { CoreParts } from './link/local-link.ts'
import { Turn } from './link/turn.ts'
import { Retained } from './route/retain.ts'
import { Router } from './route/router.ts'
import { Flights } from './session/flights.ts'
import { Inboxes } from './session/inbox.ts'
import { Sessions } from './session/sessions.ts'
import { Direct, type DirectOptions } from './site/direct.ts'
import { Fetch } from './site/fetch.ts'
import { Had } from './site/had.ts'
import { Left } from './site/left.ts'
import { Moves } from './site/moves.ts'
import type { Receiver } from './site/peer.ts'
import { Peers } from './site/peers.ts'
import { Recalled } from './site/recalled.ts'
import { Recent } from './site/recent.ts'
import { type Identity, RelayedIds } from './site/relayed-ids.ts'
import { Republished } from './site/republished.ts'
import { Residence } from './site/residence.ts'
import { Sift } from './site/sift.ts'
import type { CoreEvents } from './stats.ts'

/** What the parts ask of the core that they belong to. */
export interface Hooks {
  readonly congest: (on: boolean) => void
  readonly publish: (init: MessageInit, id: Identity, done?: () => void) => void
  readonly receiver: Receiver
}

export interface Parts extends CoreParts {
  readonly relayed: RelayedIds
  readonly had: Had
  /** With other sites. */
  readonly peers: Peers | undefined
  readonly direct: Direct | undefined
}

export function assemble(options: CoreOptions, hooks: Hooks): Parts {
  const { log, state, inboxes: store, limits, stats, now, defer, site, directory, edgesMs = 0 } = options
  const events: CoreEvents = options.events ?? (() => {})
  const common = { state, store, limits, stats, events, now, defer }
  const relayed = new RelayedIds(limits.relayedIds)
  const recent = new Recent(limits.relayedIds)
  const had = new Had(limits.relayedIds)
  const mark: Sessions['mark'] = s => sessions.mark(s)
  const session = (client: ClientKey) => sessions.get(client)
  const inboxes: Inboxes = new Inboxes({
    ...common,
    dropPolicy: options.dropPolicy ?? 'oldest',
    mark(s) {
      mark(s)
      turn.urge()
    },
  })
  const retained = new Retained({ ...common, tombstones: site === undefined ? 0 : limits.retainedTombstones })
  let direct: Direct | undefined
  const router: Router = new Router({
    cachedTopics: limits.routeCacheTopics,
    queueQos0: options.queueQos0 ?? false,
    stats,
    inboxes,
    retained,
    session,
    turn: () => turn,
    relayed,
    recent,
    had: message => had.take(message),
    elsewhere: (message, envelope) => direct?.send(message, envelope) === true,
  })
  const { sites } = router
  const route: Router['route'] = (message, from, envelope) => router.route(message, from, envelope)
  const stage = () => sessions.stage()
  const turn: Turn = new Turn({ ...common, log, state: state.commits, route, stage, congest: hooks.congest })
  const peers = site === undefined ? undefined : new Peers({ ...common, site, receiver: hooks.receiver, sites })
  const durably: Router['durably'] = message => router.durably(message)
  const inLog: Router['holds'] = message => router.holds(message)
  const flights = new Flights({ turn, inboxes, now, durably, marks: store.marks, mark, inLog })
  const routes = (client: ClientKey) => router.routes(tenantOf(client))
  const { publish } = hooks
  const exports = peers?.exports
  const shared = { ...common, turn, inboxes, flights, routes, recent }
  const sessions: Sessions = new Sessions({ ...shared, durably, publish, sites, exports, directory, edgesMs })
  const sift = new Sift({ ...common, session })
  const parts = { ...common, turn, sessions, flights, inboxes, router, retained, sift, relayed, had, peers }
  if (directory === undefined || peers === undefined) return { ...parts, direct }
  const hand: DirectOptions['hand'] = (to, message, envelope) => router.toSite(to, message, envelope)
  direct = new Direct({ directory, turn, stats, now, site: peers.site, bound: limits.directoryClaims, hand })
  const residence = new Residence({ ...shared, sessions })
  const find: Sift['find'] = (...args) => sift.find(...args)
  const fetch = new Fetch({ ...shared, site: peers.site, had })
  const recalled = new Recalled(limits.relayedIds, stats, now)
  const left = new Left({ ...common, sites })
  const republished = new Republished(limits.relayedIds, recent, client => residence.isHere(client), now)
  const between = { directory, peers, residence, recalled, republished, fetch, left }
  const moves = new Moves({ ...shared, ...between, sessions, sift: find })
  return { ...parts, direct, moves, recalled, republished }
}
