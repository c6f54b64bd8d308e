/**
 * QoS 2 messages that clients publish here once more, as the site they had sent them to cannot be asked whether it has them. When it is back
 * it names the packet ids that it holds open: what was published here under one of those it has as well, and nobody needs both. Keeps a
 * bounded number.
 */
import { type ClientKey, NO_CLIENT } from '../contract/ids.ts'
import { type Message, messageKey } from '../contract/message.ts'
import { unrelayed } from './copies.ts'
import type { SiteName } from './port.ts'
import type { Recent } from './recent.ts'

type Identity = Pick<Message, 'origin' | 'seq'>

/** The first PUBLISH under its packet id here. */
interface Publish {
  readonly site: SiteName
  /** Nobody here needs the one from there; nor anybody there the one from here. Of one for a client alone it is one of the two: it may have moved in between. */
  readonly isHere: boolean
  readonly isThere: boolean
  readonly content: string
  readonly ours: Identity
  /** `messageKey`, once it has come from there. */
  theirs: string | undefined
}

interface Doubt {
  readonly site: SiteName
  /** By packet id. Undefined: what comes under it is new, as the client has heard of the old one, or the record names it. */
  publishes: Map<number, Publish | undefined>
  /** That site is to be asked about it. */
  isOpen: boolean
}

/** Has gone from that site to the others, if it is for all. */
interface Ours {
  readonly site: SiteName
  readonly isForAll: boolean
}

interface Asking {
  /** Doubts that are open. */
  count: number
  /** Nobody waits longer. ms since the epoch. */
  until: number | undefined
  /** No other site waits longer for what may wait here for that one as well: once, whether it can be asked or not. */
  othersUntil: number | undefined
}

const ASK_MS = 2_000

/** Most clients publish nothing meanwhile, and there may be very many: an empty map costs 200 bytes. */
const NOTHING: Doubt['publishes'] = new Map()

export class Republished {
  readonly #bound: number
  readonly #recent: Recent
  readonly #lives: (client: ClientKey) => boolean
  readonly #now: () => number
  /** Sites that were not asked yet, by client. */
  readonly #doubts = new Map<ClientKey, Doubt>()
  readonly #asking = new Map<SiteName, Asking>()
  readonly #waiting: { readonly site: SiteName; readonly done: () => void }[] = []
  /** Of `#doubts`: packet ids. */
  #size = 0
  /** The site has them as well: by client; and those that are not to go there, by the `messageKey` they have here. */
  readonly #twice = new Map<ClientKey, Publish[]>()
  readonly #ours = new Map<string, Ours>()

  /** `bound`: packet ids at most; beyond it nothing more is noted. `lives`: the client's session is here. */
  constructor(bound: number, recent: Recent, lives: (client: ClientKey) => boolean, now: () => number) {
    this.#bound = bound
    this.#recent = recent
    this.#lives = lives
    this.#now = now
  }

  /** The session goes on here from the record of that site, which names these packet ids as received. */
  begin(client: ClientKey, site: SiteName, received: readonly number[]): void {
    this.anew(client)
    if (this.#size + received.length > this.#bound) return
    this.#size += received.length
    const publishes = received.length === 0 ? NOTHING : new Map(received.map(id => [id, undefined]))
    this.#doubts.set(client, { site, publishes, isOpen: false })
  }

  /** The session comes from another site, where its client may have published since: nothing of before says what that is. */
  anew(client: ClientKey): void {
    this.forget(client)
    this.#twice.delete(client)
  }

  /** Its sender has a session here, which did not know the packet id. */
  published(message: Message): void {
    const { sender, packetId, origin, seq, target } = message
    const doubt = this.#toNote(sender, packetId)
    if (doubt === undefined) return
    const { site } = doubt
    const isHere = target === NO_CLIENT || this.#lives(target)
    const isThere = target === NO_CLIENT || !isHere
    const content = contentOf(message)
    doubt.publishes.set(packetId, { site, isHere, isThere, content, ours: { origin, seq }, theirs: undefined })
    if (!doubt.isOpen) this.#open(doubt, 1)
  }

  /** The client has released the packet id. */
  released(client: ClientKey, packetId: number): void {
    this.#toNote(client, packetId)?.publishes.set(packetId, undefined)
  }

  /** That site is to be asked before anything else of it is fetched. For a bounded time from the first call on. */
  isAsking(site: SiteName): boolean {
    const asking = this.#asking.get(site)
    if (asking === undefined) return false
    asking.until ??= this.#now() + ASK_MS
    return true
  }

  /** That site is to be asked about this client. */
  isAskingFor(client: ClientKey): boolean {
    return this.#doubts.get(client)?.isOpen === true
  }

  /** `done` once that site has been asked, and the others about what it may have from them, or that takes too long. */
  whenAsked(site: SiteName, done: () => void): void {
    if (this.isAsking(site) || this.#areOthersAsked()) this.#waiting.push({ site, done })
    else done()
  }

  /** What the site holds open of the client. */
  answered(client: ClientKey, site: SiteName, received: readonly number[]): void {
    const doubt = this.#doubts.get(client)
    if (doubt?.site !== site) return
    const found = received.flatMap(id => doubt.publishes.get(id) ?? [])
    const here = found.filter(one => one.isHere)
    if (here.length > 0) this.#twice.set(client, [...(this.#twice.get(client) ?? []), ...here])
    for (const { ours, isHere, isThere } of found)
      if (isThere && this.#ours.size < this.#bound) this.#ours.set(messageKey(ours), { site, isForAll: isHere })
    this.forget(client)
  }

  /** The site is not asked about it. */
  forget(client: ClientKey): void {
    const doubt = this.#doubts.get(client)
    if (doubt === undefined) return
    this.#size -= doubt.publishes.size
    this.#doubts.delete(client)
    if (doubt.isOpen) this.#open(doubt, -1)
  }

  /** Nothing comes from that site any more that it had before it was asked, and nothing goes there that we had; `isRead`: nor to any other. */
  end(site: SiteName, isRead: boolean): void {
    if (this.#twice.size === 0 && this.#ours.size === 0) return
    for (const [client, publishes] of this.#twice) {
      const left = publishes.filter(one => one.site !== site)
      if (left.length > 0) this.#twice.set(client, left)
      else this.#twice.delete(client)
    }
    if (isRead) for (const [key, ours] of this.#ours) if (ours.site === site) this.#ours.delete(key)
  }

  /** It comes from the site that had it first: what it is here, if it was published here since. What a client publishes that has gone elsewhere is another one. */
  twin(message: Message): Identity | undefined {
    if (this.#twice.size === 0 || message.qos < 2) return undefined
    const publishes = this.#twice.get(message.sender)
    if (publishes === undefined) return undefined
    const key = messageKey(unrelayed(message))
    const known = publishes.find(({ theirs }) => theirs === key)
    if (known !== undefined || !this.#lives(message.sender)) return known?.ours
    const content = contentOf(message)
    const one = publishes.find(({ theirs, content: own }) => theirs === undefined && own === content)
    if (one !== undefined) one.theirs = key
    return one?.ours
  }

  /** As `Recent`: it, or what it is here. */
  had(message: Message, since: number, client: ClientKey): boolean {
    if (this.#recent.has(message, since, client)) return true
    const twin = this.twin(message)
    return twin !== undefined && this.#recent.has(twin, since, client)
  }

  /** It was published here, and that site had it first. */
  wasFirst(message: Message, site: SiteName): boolean {
    return this.#oursOf(message)?.site === site
  }

  /** The same, or that site has it from the one that had it first. */
  isThere(message: Message, site: SiteName): boolean {
    const ours = this.#oursOf(message)
    return ours !== undefined && (ours.isForAll || ours.site === site)
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const [site, { until = now }] of this.#asking) {
      if (until >= now) continue
      for (const [client, doubt] of this.#doubts) if (doubt.site === site) this.forget(client)
    }
    this.#goOn()
  }

  #areOthersAsked(): boolean {
    const now = this.#now()
    let areAsked = false
    for (const asking of this.#asking.values()) {
      asking.othersUntil ??= now + ASK_MS
      areAsked ||= now < asking.othersUntil
    }
    return areAsked
  }

  #oursOf(message: Message): Ours | undefined {
    return this.#ours.size === 0 ? undefined : this.#ours.get(messageKey(message))
  }

  /** Whoever waits for nothing any more. */
  #goOn(): void {
    for (const { site, done } of this.#waiting.splice(0)) this.whenAsked(site, done)
  }

  #toNote(client: ClientKey, packetId: number): Doubt | undefined {
    const doubt = this.#doubts.get(client)
    if (doubt === undefined || doubt.publishes.has(packetId) || this.#size >= this.#bound) return undefined
    this.#size++
    if (doubt.publishes === NOTHING) doubt.publishes = new Map()
    return doubt
  }

  #open(doubt: Doubt, by: 1 | -1): void {
    doubt.isOpen = by === 1
    const { site } = doubt
    const asking = this.#asking.get(site) ?? { count: 0, until: undefined, othersUntil: undefined }
    asking.count += by
    if (asking.count > 0) return void this.#asking.set(site, asking)
    this.#asking.delete(site)
    this.#goOn()
  }
}

/** FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/: messages of one client under one packet id are told apart, not secrets kept. */
function contentOf({ topic, payload }: Message): string {
  let hash = 0x811c9dc5
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193)
  return `${topic} ${payload.length} ${hash >>> 0}`
}
