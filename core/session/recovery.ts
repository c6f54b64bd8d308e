/** Start of a core: loads the state, replays the log over it, and leaves an empty log. Nothing is routed to edges: there are none yet. */
import { type ClientKey, NO_CLIENT, type TopicFilter, tenantOf } from '../contract/ids.ts'
import { type Message, messageKey, NEVER } from '../contract/message.ts'
import type { CoreParts } from '../link/local-link.ts'
import { readEnvelope } from '../log/envelope.ts'
import type { Commits, Log } from '../log/port.ts'
import type { Group } from '../route/route.ts'
import type { State, StoredSubscription } from '../state/port.ts'
import { Replay } from './replay.ts'
import type { Session } from './session.ts'

export interface RecoveryContext extends CoreParts {
  readonly log: Log
  readonly state: State
}

/** Throws if the state or the log cannot be read, or the result cannot be written. */
export function recover(ctx: RecoveryContext): void {
  load(ctx)
  const replays = new Replays(ctx)
  forEachRecord(ctx, replays)
  for (const replay of replays.all()) replay.finish()
  for (const s of ctx.sessions.values()) {
    if (s.offlineAt === 0) {
      // Online when the core died: its connection has ended now.
      s.offlineAt = ctx.now()
      ctx.sessions.mark(s)
    } else if (replays.has(s)) ctx.sessions.mark(s)
  }
  ctx.sessions.stage()
  if (ctx.log.keeps) ctx.log.trim(ctx.log.next)
  for (const commits of new Set([ctx.log.commits, ctx.state.commits])) commitNow(commits)
}

/** At start nothing can be answered before this is done, so it is not retried. */
function commitNow(commits: Commits): void {
  let result: Error | 'pending' | undefined = 'pending'
  commits.commit(error => {
    result = error
  })
  if (result !== undefined)
    throw new Error(`Recovered sessions cannot be written: ${result === 'pending' ? 'no answer' : String(result)}`)
}

function load({ state, sessions, router, inboxes, retained, stats }: RecoveryContext): void {
  state.load({
    session: record => sessions.load(record),
    subscription(client, subscription) {
      const s = sessions.get(client)
      if (s === undefined) return
      s.subscriptions.set(subscription.filter, subscription)
      router.routes(tenantOf(client)).addOffline(subscription, s)
      stats.nowSubscriptions++
    },
    inbox(client, summary) {
      const s = sessions.get(client)
      if (s !== undefined) inboxes.load(s, summary)
    },
    retained: message => retained.load(message),
  })
}

/** First what sessions did, then which messages they still need. */
function forEachRecord(ctx: RecoveryContext, replays: Replays): void {
  const { log } = ctx
  log.replay((start, _, envelope) =>
    readEnvelope(start, envelope, {
      message: (position, message) => replays.opened(position, message),
      step(position, client, step) {
        if (step.step === 'taken') replays.taken.add(groupKey(client, step.group, step.key))
        else replays.of(client, position)?.step(position, step)
      },
    }),
  )
  const now = ctx.now()
  log.replay((start, _, envelope) =>
    readEnvelope(start, envelope, {
      message(position, message) {
        replays.fill(message)
        if (message.expiresAt === NEVER || message.expiresAt > now) route(ctx, replays, position, message)
      },
      step() {},
    }),
  )
}

class Replays {
  /** Copies of shared groups that a member has acknowledged. */
  readonly taken = new Set<string>()
  readonly #ctx: RecoveryContext
  readonly #replays = new Map<Session, Replay>()
  /** Who waits for which message; made once all steps are in. */
  #missing: Map<string, Replay[]> | undefined = undefined

  constructor(ctx: RecoveryContext) {
    this.#ctx = ctx
  }

  all(): IterableIterator<Replay> {
    return this.#replays.values()
  }

  has(s: Session): boolean {
    return this.#replays.has(s)
  }

  of(client: ClientKey, position: number): Replay | undefined {
    const s = this.#ctx.sessions.get(client)
    return s === undefined || position < s.since ? undefined : this.ofSession(s)
  }

  ofSession(s: Session): Replay {
    let replay = this.#replays.get(s)
    if (replay === undefined) this.#replays.set(s, (replay = new Replay(s, this.#ctx)))
    return replay
  }

  /** An inbound QoS 2 message opens its packet id. */
  opened(position: number, message: Message): void {
    if (message.packetId !== 0) this.of(message.sender, position)?.opened(position, message.packetId)
  }

  /** Gives the message to those that have it in flight. */
  fill(message: Message): void {
    if (this.#missing === undefined) {
      this.#missing = new Map()
      for (const replay of this.#replays.values())
        for (const key of replay.missing()) this.#missing.set(key, [...(this.#missing.get(key) ?? []), replay])
    }
    if (this.#missing.size > 0) for (const replay of this.#missing.get(messageKey(message)) ?? []) replay.fill(message)
  }
}

const groupKey = (client: ClientKey, group: TopicFilter, key: string): string => `${tenantOf(client)} ${group} ${key}`

function route(ctx: RecoveryContext, replays: Replays, position: number, message: Message): void {
  if (message.target !== NO_CLIENT) {
    const s = ctx.sessions.get(message.target)
    if (s?.persistent && s.since <= position) replays.ofSession(s).want(position, message)
    return
  }
  const wanting = new Set<Session>()
  const groups: Group[] = []
  for (const route of ctx.router.routes(message.tenant).routes(message.topic)) {
    for (const [s, subscription] of route.offline ?? []) if (wants(s, subscription, position, message)) wanting.add(s)
    for (const [filter, group] of route.groups ?? [])
      if (!replays.taken.has(`${message.tenant} ${filter} ${messageKey(message)}`)) groups.push(group)
  }
  for (const s of wanting) replays.ofSession(s).want(position, message)
  for (const group of groups) {
    const able = [...(group.offline ?? [])].filter(([s, subscription]) => wants(s, subscription, position, message))
    const [chosen] = able.find(([s]) => replays.ofSession(s).has(message)) ?? able[0] ?? []
    if (chosen === undefined) continue
    group.served(chosen)
    replays.ofSession(chosen).want(position, message)
  }
}

const wants = (s: Session, subscription: StoredSubscription, position: number, message: Message): boolean =>
  s.persistent &&
  subscription.since <= position &&
  subscription.qos > 0 &&
  !(subscription.noLocal && message.sender === s.client)
