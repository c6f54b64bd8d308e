/**
 * Sees which other sites are dead, publishes the wills of their clients when they are due, and takes over their retained
 * messages. Decides nothing alone: whose will it is says the directory, which message is newer says its stamp.
 *
 *     alive ──lease over for the grace, seen so all that time──▶ dead ──lease good again──▶ alive
 */
import type { ClientKey } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { Message, MessageInit } from '../contract/message.ts'
import { Deadlines } from '../session/deadlines.ts'
import type { SessionRecord } from '../state/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { willDueAt, willId, willMessage } from '../will/will.ts'
import type { Directory, Foreign, Seen, SiteName, SiteWatch } from './port.ts'
import type { Identity } from './relayed-ids.ts'

export interface UndertakerOptions {
  readonly watch: SiteWatch
  readonly directory: Pick<Directory, 'read' | 'takeWill'>
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  /** ms since the epoch. */
  readonly now: () => number
  /** `done` once it is routed and, with QoS ≥ 1, durable. */
  readonly publish: (init: MessageInit, done: () => void, id: Identity) => void
  /** A retained message that another site has stored. */
  readonly take: (message: Message) => void
}

interface Grave {
  readonly site: SiteName
  /** By our clock. ms since the epoch. */
  readonly diedAt: number
  readonly aheadMs: number
  /** Of whom a will is due, and when. */
  readonly wills: Deadlines<ClientKey>
  /** When what the site has left is to be read; Infinity once it was, or while it is. */
  openAt: number
  /** The site lives again, or this core ends. */
  closed: boolean
}

interface Due {
  readonly grave: Grave
  readonly client: ClientKey
}

const LOOK_MS = 1_000
/** Looks further apart than this do not tell what was between them. */
const BREAK_MS = 2_500
/** Wills being published at once. */
const WILLS_AT_ONCE = 256
const AGAIN_MS = 1_000
const OPEN_AGAIN_MS = 5_000

export class Undertaker {
  readonly #o: UndertakerOptions
  readonly #graves = new Map<SiteName, Grave>()
  /** Since when each was seen without a lease, without a break. */
  readonly #since = new Map<SiteName, number>()
  readonly #due = new Set<Due>()
  #publishing = 0
  #looking = false
  /** When it was asked the last time, and the last time with an answer. */
  #askedAt = 0
  #lookedAt = 0
  #closed = false

  constructor(options: UndertakerOptions) {
    this.#o = options
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    if (this.#closed) return
    if (!this.#looking && now - this.#askedAt >= LOOK_MS) void this.#look(now)
    for (const grave of this.#graves.values()) {
      if (grave.openAt <= now) void this.#open(grave)
      for (const client of grave.wills.due(now)) this.#due.add({ grave, client })
    }
    this.#pump()
  }

  close(): void {
    this.#closed = true
    for (const grave of this.#graves.values()) grave.closed = true
  }

  async #look(now: number): Promise<void> {
    this.#looking = true
    this.#askedAt = now
    try {
      const seen = await this.#o.watch.look()
      if (this.#closed) return
      // The others may have missed the same global state as we did, and need a moment to renew their leases.
      if (now - this.#lookedAt > BREAK_MS) this.#since.clear()
      this.#lookedAt = now
      for (const one of seen) this.#saw(one, now)
    } catch {
      this.#since.clear()
    } finally {
      this.#looking = false
    }
  }

  #saw({ site, expiredMs, aheadMs }: Seen, now: number): void {
    const grave = this.#graves.get(site)
    if (expiredMs === undefined) {
      this.#since.delete(site)
      if (grave !== undefined) this.#back(grave)
      return
    }
    const since = this.#since.get(site) ?? now
    this.#since.set(site, since)
    const { siteGraceMs } = this.#o.limits
    if (grave !== undefined || expiredMs < siteGraceMs || now - since < siteGraceMs) return
    const diedAt = now - expiredMs
    this.#graves.set(site, { site, diedAt, aheadMs, wills: new Deadlines(), openAt: now, closed: false })
    this.#count()
    this.#o.events({ is: 'site-dead', site })
  }

  #back(grave: Grave): void {
    grave.closed = true
    this.#graves.delete(grave.site)
    this.#count()
    this.#o.events({ is: 'site-back', site: grave.site })
  }

  /** Reads what the site has left. From the beginning again, later, if that fails. */
  async #open(grave: Grave): Promise<void> {
    const { watch, take, now } = this.#o
    grave.openAt = Number.POSITIVE_INFINITY
    try {
      for await (const record of watch.willed(grave.site)) {
        if (grave.closed) return
        grave.wills.set(record.client, dueAt(record, grave))
        this.#count()
      }
      for await (const message of watch.retained(grave.site)) {
        if (grave.closed) return
        take(message)
      }
    } catch {
      grave.openAt = now() + OPEN_AGAIN_MS
    }
  }

  #pump(): void {
    for (const due of this.#due) {
      if (this.#publishing >= WILLS_AT_ONCE) break
      this.#due.delete(due)
      if (due.grave.closed) continue
      this.#publishing++
      this.#publish(due)
    }
    this.#count()
  }

  /** Its record is read again: nothing but who and when is kept until then. */
  #publish({ grave, client }: Due): void {
    const { directory, now } = this.#o
    directory.read(grave.site, client, found => {
      if (found === undefined) grave.wills.set(client, now() + AGAIN_MS)
      const record = recordOf(found)
      if (record?.will === undefined || grave.closed) return this.#next()
      const due = dueAt(record, grave)
      if (due > now()) {
        grave.wills.set(client, due)
        return this.#next()
      }
      const take = (mine: boolean | undefined) => {
        if (mine !== true || record.will === undefined) return this.#next()
        this.#o.stats.willsPublished++
        this.#o.stats.willsForOthers++
        this.#o.events({ is: 'will-published', client, topic: record.will.topic })
        const message = willMessage(client, record.will, now())
        this.#o.publish(message, () => this.#next(), willId(client, record.epoch))
      }
      directory.takeWill(client, record.epoch, take, grave.site)
    })
  }

  #next(): void {
    this.#publishing--
    this.#pump()
  }

  #count(): void {
    const { stats } = this.#o
    stats.nowSitesDead = this.#graves.size
    stats.nowWillsOfDead = this.#due.size + this.#publishing
    for (const { wills } of this.#graves.values()) stats.nowWillsOfDead += wills.size
  }
}

const recordOf = (found: Foreign | 'none' | undefined): SessionRecord | undefined =>
  found === undefined || found === 'none' ? undefined : found.record

/** By our clock. Who was connected when the site died was disconnected then. */
function dueAt(record: SessionRecord, { diedAt, aheadMs }: Grave): number {
  const offlineAt = record.offlineAt === 0 ? diedAt : record.offlineAt - aheadMs
  return willDueAt({ ...record, offlineAt, heldUntil: record.heldUntil - aheadMs })
}
