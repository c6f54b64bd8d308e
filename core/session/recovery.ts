/**
 * Start of a core: loads the state, replays the log over it, and leaves an empty log. Nothing is routed to edges: there are
 * none yet. A generator that yields what has to be waited for, so that stores which never wait open at once.
 */
import { type ClientKey, NO_CLIENT, type TopicFilter, tenantOf } from '../contract/ids.ts'
import { type Message, messageKey, NEVER } from '../contract/message.ts'
import type { InboxStore } from '../inbox/port.ts'
import type { CoreParts } from '../link/local-link.ts'
import { readEnvelope } from '../log/envelope.ts'
import type { Commits, Log } from '../log/port.ts'
import { Envelope } from '../log/watermark.ts'
import type { Group } from '../route/route.ts'
import { crosses } from '../route/router.ts'
import { copyFor } from '../site/copies.ts'
import type { Had } from '../site/had.ts'
import type { RelayedIds } from '../site/relayed-ids.ts'
import type { State, StoredSubscription } from '../state/port.ts'
import { isWill } from '../will/will.ts'
import { Replay } from './replay.ts'
import type { Session } from './session.ts'

export interface RecoveryContext extends CoreParts {
  readonly log: Log
  readonly state: State
  readonly store: InboxStore
  /** A message for a client that does not live here. */
  readonly elsewhere: (message: Message) => void
  /** What came from other sites: remembered as far as the log tells. */
  readonly relayed: RelayedIds
  /** Who has had there what may still come from other sites: the same. */
  readonly had: Had
}

/** What recovery waits for. */
export type Waits = Generator<Promise<void>, void>

/** Runs `waits` to its end: at once if it waits for nothing, else the promise of that. */
export function drive(waits: Waits): Promise<void> | undefined {
  const first = waits.next()
  if (first.done === true) return undefined
  return (async () => {
    for (let step: IteratorResult<Promise<void>, void> = first; step.done !== true; step = waits.next())
      await step.value
  })()
}

/** Throws if the state or the log cannot be read, or the result cannot be written. */
export function* recover(ctx: RecoveryContext): Waits {
  const { log, state, sessions, turn } = ctx
  yield* load(ctx)
  const writes = new Writes(log.commits === state.commits)
  const replays = new Replays(ctx, writes)
  const groups: Grouped[] = []
  const kept = yield* replay(ctx, replays, groups)
  yield* all([...replays.all()].map(one => (done: () => void) => one.load(done)))
  for (const one of groups) assign(replays, one)
  for (const one of replays.all()) one.finish()
  for (const s of sessions.values()) {
    if (s.offlineAt === 0) sessions.orphans.add(s)
    else if (replays.has(s)) sessions.mark(s)
  }
  sessions.stage()
  const end = kept?.position ?? log.next
  if (kept !== undefined) turn.keep(kept)
  if (log.keeps && log.commits === state.commits) log.trim(end)
  yield* commit(state.commits)
  yield* writes.durable()
  if (!log.keeps || log.commits === state.commits) return
  log.trim(end)
  yield* commit(log.commits)
}

/** At start nothing can be answered before this is done, so it is not retried. */
function* commit(commits: Commits): Waits {
  let result: Error | 'pending' | undefined = 'pending'
  let wake = () => {}
  commits.commit(error => {
    result = error
    wake()
  })
  if (result === 'pending')
    yield new Promise<void>(resolve => {
      wake = resolve
    })
  if (result !== undefined) throw new Error(`Recovered sessions cannot be written: ${String(result)}`)
}

/** Starts all and waits until each has called back. */
function* all(starts: readonly ((done: () => void) => void)[]): Waits {
  let left = starts.length
  let wake = () => {}
  for (const start of starts)
    start(() => {
      if (--left === 0) wake()
    })
  if (left > 0)
    yield new Promise<void>(resolve => {
      wake = resolve
    })
}

/** Inbox entries written by the recovery that are not durable yet. */
class Writes {
  readonly #atOnce: boolean
  #left = 0
  #wake = () => {}

  /** `atOnce`: they are durable with the commit of the state. */
  constructor(atOnce: boolean) {
    this.#atOnce = atOnce
  }

  readonly add = (): (() => void) | undefined => {
    if (this.#atOnce) return undefined
    this.#left++
    return () => {
      if (--this.#left === 0) this.#wake()
    }
  };

  *durable(): Waits {
    if (this.#left > 0)
      yield new Promise<void>(resolve => {
        this.#wake = resolve
      })
  }
}

function* load({ state, store, sessions, router, inboxes, retained, stats, turn }: RecoveryContext): Waits {
  // A record may know of positions that the log has lost: they must not be used again.
  const seen = (position: number) => {
    if (position > turn.position) turn.position = position
  }
  const waits = state.load({
    session(record) {
      const s = sessions.load(record)
      seen(Math.max(record.asOf, record.since))
      const summary = record.inbox === undefined ? undefined : store.restore(record.client, record.inbox)
      if (summary !== undefined) inboxes.load(s, summary)
    },
    subscription(client, subscription) {
      const s = sessions.get(client)
      if (s === undefined) return
      seen(subscription.since)
      s.subscriptions.set(subscription.filter, subscription)
      router.routes(tenantOf(client)).addOffline(subscription, s)
      stats.nowSubscriptions++
    },
    retained: message => retained.load(message),
  })
  if (waits !== undefined) yield waits
  store.load((client, summary) => {
    const s = sessions.get(client)
    if (s !== undefined) inboxes.load(s, summary)
  })
}

/** First what sessions did, then which messages they still need. Returns the envelope that keeps the log for what the tap holds. */
function* replay(
  ctx: RecoveryContext,
  replays: Replays,
  groups: Grouped[],
): Generator<Promise<void>, Envelope | undefined> {
  const { log, router } = ctx
  const first = log.replay((start, _, envelope) =>
    readEnvelope(start, envelope, {
      message: (position, message) => replays.opened(position, message),
      step(position, client, step) {
        if (step.step === 'taken') replays.taken.add(groupKey(client, step.group, step.key))
        else if (step.step === 'had') replays.hadThere(client, step.key)
        else replays.of(client, position)?.step(position, step)
      },
    }),
  )
  if (first !== undefined) yield first
  const now = ctx.now()
  let kept: Envelope | undefined
  const second = log.replay((start, _, envelope) =>
    readEnvelope(start, envelope, {
      message(position, message) {
        replays.fill(message)
        forgetWill(ctx, message)
        if (message.relayed !== undefined) ctx.relayed.remember(message)
        if (message.retain && message.target === NO_CLIENT) ctx.retained.replay(message)
        if (message.expiresAt !== NEVER && message.expiresAt <= now) return
        route(ctx, replays, position, message, groups)
        if (message.relayed !== undefined || router.tap?.offer(message) !== true) return
        if (kept === undefined) {
          kept = new Envelope(start)
          kept.open = 0
        }
        router.keep(message, kept)
      },
      step() {},
    }),
  )
  if (second !== undefined) yield second
  return kept
}

class Replays {
  /** Copies of shared groups that a member has acknowledged. */
  readonly taken = new Set<string>()
  /** Messages of other sites that a client has had there. */
  readonly had = new Set<string>()
  readonly #ctx: RecoveryContext
  readonly #writes: Writes
  readonly #replays = new Map<Session, Replay>()
  /** Who waits for which message; made once all steps are in. */
  #missing: Map<string, Replay[]> | undefined = undefined

  constructor(ctx: RecoveryContext, writes: Writes) {
    this.#ctx = ctx
    this.#writes = writes
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
    if (replay === undefined) {
      const { inboxes, stats, now } = this.#ctx
      replay = new Replay(s, { inboxes, stats, now, durable: this.#writes.add })
      this.#replays.set(s, replay)
    }
    return replay
  }

  hadThere(client: ClientKey, key: string): void {
    this.had.add(hadKey(client, key))
    this.#ctx.had.add(key, client)
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

const hadKey = (client: ClientKey, key: string): string => `${client} ${key}`

const groupKey = (client: ClientKey, group: TopicFilter, key: string): string => `${tenantOf(client)} ${group} ${key}`

/** A group's copy that nobody is known to have taken, and the members that may get it. */
interface Grouped {
  readonly group: Group
  readonly position: number
  readonly message: Message
  readonly able: readonly Session[]
}

/** The log has it, so that its record must not publish it again. */
function forgetWill({ sessions }: RecoveryContext, message: Message): void {
  if (!isWill(message)) return
  const s = sessions.get(message.sender)
  if (s?.epoch !== message.seq) return
  s.will = undefined
  sessions.mark(s)
}

function route(ctx: RecoveryContext, replays: Replays, position: number, message: Message, groups: Grouped[]): void {
  if (message.target !== NO_CLIENT) {
    const s = ctx.sessions.get(message.target)
    if (s === undefined && message.relayed === undefined) ctx.elsewhere(message)
    if (s?.persistent && s.since <= position) replays.ofSession(s).want(position, message)
    return
  }
  const { relayed } = message
  const wanting = new Set<Session>()
  // As they were routed: all sites have the same retained messages.
  if (message.retain && relayed === undefined && crosses(message))
    for (const s of ctx.router.sites) if (s.since <= position) wanting.add(s)
  for (const route of ctx.router.routes(message.tenant).routes(message.topic)) {
    for (const [s, subscription] of relayed?.only === true ? [] : (route.offline ?? []))
      if (wants(s, subscription, position, message)) wanting.add(s)
    for (const [filter, group] of route.groups ?? []) {
      if (relayed !== undefined && !relayed.groups.includes(filter)) continue
      if (replays.taken.has(`${message.tenant} ${filter} ${messageKey(message)}`)) continue
      const members = [...(group.offline ?? [])].filter(([s, subscription]) =>
        wants(s, subscription, position, message),
      )
      const able = members.map(([s]) => s)
      for (const s of able) replays.ofSession(s)
      if (able.length > 0) groups.push({ group, position, message, able })
    }
  }
  for (const s of wanting)
    if (!replays.had.has(hadKey(s.client, messageKey(message)))) replays.ofSession(s).want(position, message)
}

/** To the member that has it already, or the one whose turn it is. */
function assign(replays: Replays, { group, position, message, able }: Grouped): void {
  const inTurn = [...(group.offline?.keys() ?? [])].filter(s => able.includes(s))
  const copyOf = (s: Session) => (s.site === undefined ? message : copyFor(message, group.filter))
  const chosen =
    inTurn.find(s => replays.ofSession(s).has(copyOf(s))) ?? inTurn.find(s => s.site === undefined) ?? inTurn[0]
  if (chosen === undefined) return
  group.served(chosen)
  replays.ofSession(chosen).want(position, copyOf(chosen))
}

const wants = (s: Session, subscription: StoredSubscription, position: number, message: Message): boolean =>
  s.persistent &&
  (message.relayed === undefined || s.site === undefined) &&
  subscription.since <= position &&
  subscription.qos > 0 &&
  !(subscription.noLocal && message.sender === s.client)
