/** Searches what waits here for a site that is away, for those who go on with its clients meanwhile. Changes nothing. */
import type { ClientKey, Tenant, TopicFilter } from '../contract/ids.ts'
import { DEFAULT_TENANT } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import { type Message, NEVER } from '../contract/message.ts'
import type { InboxStore } from '../inbox/port.ts'
import type { Inbox, Session } from '../session/session.ts'
import { FilterTree } from '../topic/filter-tree.ts'
import { parseShare } from '../topic/validate.ts'
import { isLeft, type Waiting } from './left.ts'
import { siteClient } from './name.ts'
import type { SiteName } from './port.ts'

export interface SiftOptions {
  readonly store: InboxStore
  readonly limits: Pick<Limits, 'inboxMessages' | 'peerPageMessages'>
  readonly session: (client: Session['client']) => Session | undefined
  readonly now: () => number
  /** Runs a function in a later turn of the event loop. */
  readonly defer: (fn: () => void) => void
}

interface Request {
  readonly filters: readonly TopicFilter[]
  readonly done: (found: readonly Message[]) => void
  /** Who is to get it. */
  readonly client: ClientKey | undefined
  found: Message[]
}

export class Sift {
  readonly #o: SiftOptions
  /** Sites whose inbox is being read, with those who came too late for that and read it together next. */
  readonly #scans = new Map<SiteName, Request[]>()

  constructor(options: SiftOptions) {
    this.#o = options
  }

  /** `done` later, with QoS ≥ 1 messages that match one of the filters (shared ones are ignored), in order; the latest if there are more than an inbox may hold. Without what `client`, if given, has had here before its session was fetched from here. */
  find(
    tenant: Tenant,
    site: SiteName,
    filters: readonly TopicFilter[],
    done: (found: readonly Message[]) => void,
    client?: ClientKey,
  ): void {
    const plain = filters.filter(filter => parseShare(filter) === undefined)
    if (plain.length === 0 || tenant !== DEFAULT_TENANT) return this.#o.defer(() => done([]))
    const request: Request = { filters: plain, done, client, found: [] }
    const waiting = this.#scans.get(site)
    if (waiting !== undefined) return void waiting.push(request)
    this.#scans.set(site, [])
    this.#o.defer(() => this.#scan(site, [request]))
  }

  #scan(site: SiteName, requests: readonly Request[]): void {
    const { store, limits, defer, session } = this.#o
    const tree = new FilterTree<Request[]>()
    for (const request of requests) for (const filter of request.filters) tree.getOrAdd(filter, () => []).push(request)
    const client = siteClient(site)
    const page = limits.peerPageMessages
    const read = (after: number): void =>
      store.read(client, after, page, entries => {
        const left = session(client)?.inbox?.left
        for (const entry of entries) this.#offer(tree, entry, left)
        if (entries.length === page) return defer(() => read(entries.at(-1)!.position))
        // What its core has not answered will wait here too.
        for (const { message, only } of session(client)?.port?.unanswered?.(0) ?? [])
          if (!only) this.#offer(tree, { position: Number.POSITIVE_INFINITY, message })
        this.#end(site, requests)
      })
    read(Number.MIN_SAFE_INTEGER)
  }

  #offer(tree: FilterTree<Request[]>, entry: Waiting, left?: Inbox['left']): void {
    const { message } = entry
    if (message.qos === 0 || message.relayed?.only === true) return
    if (message.expiresAt !== NEVER && message.expiresAt <= this.#o.now()) return
    const matching: Request[][] = []
    tree.match(message.topic, matching)
    const { inboxMessages } = this.#o.limits
    for (const request of new Set(matching.flat())) {
      if (isLeft(left, request.client, entry)) continue
      request.found.push(message)
      if (request.found.length >= 2 * inboxMessages) request.found = request.found.slice(-inboxMessages)
    }
  }

  #end(site: SiteName, requests: readonly Request[]): void {
    for (const { found, done } of requests) done(found.slice(-this.#o.limits.inboxMessages))
    const waiting = this.#scans.get(site) ?? []
    this.#scans.delete(site)
    if (waiting.length === 0) return
    this.#scans.set(site, [])
    this.#o.defer(() => this.#scan(site, waiting))
  }
}
