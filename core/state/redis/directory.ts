/** The directory of all sites in Redis, as one site uses it. Claims nothing by itself, and reads of other sites only what they have written. */
import type { ClientKey } from '../../contract/ids.ts'
import type { Limits } from '../../contract/limits.ts'
import {
  type Claimed,
  type Directory,
  type Foreign,
  type SessionEpoch,
  type SiteName,
  TAKEN_KEPT_MS,
} from '../../site/port.ts'
import { type Argument, listOf, numberOf, type Reply, textOf } from './driver.ts'
import type { Fence } from './fence.ts'
import { type Keys, keyOf } from './keys.ts'
import { pages } from './pages.ts'
import { sessionOf } from './session-fields.ts'
import { Telling } from './telling.ts'

export interface RedisDirectoryOptions {
  /** Of the site: what a core says that is not the active one any more has no effect. */
  readonly fence: Fence
  readonly keys: Keys
  readonly site: SiteName
  readonly limits: Limits
  /** After which claims, and questions about one client, are answered with `undefined`. Default 2,000. */
  readonly timeoutMs?: number
}

interface Claim {
  readonly done: (claimed: Claimed | undefined) => void
  answered: boolean
  claimed: Claimed | undefined
}

const TIMEOUT_MS = 2_000
/** After Redis has lost writes each site notices within a second, and tells what lives there. */
const RESTORE_MS = 3_000
const CALL_CLIENTS = 500
const CALLS_AT_ONCE = 8

export class RedisDirectory implements Directory {
  readonly #o: RedisDirectoryOptions
  readonly #timeoutMs: number
  readonly #telling: Telling
  /** In the order of the calls. */
  readonly #claims = new Set<Claim>()
  /** Who was taken up to this entry has been named. */
  #named = ''

  constructor(options: RedisDirectoryOptions) {
    this.#o = options
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    const { fence, limits, site } = options
    this.#telling = new Telling({
      limit: limits.directoryWrites,
      stats: fence.driver.stats,
      send: (client, words) => this.#tell(client, words),
      holder: () => `${site}.${fence.token}`,
    })
  }

  claim(client: ClientKey, atLeast: number, done: (claimed: Claimed | undefined) => void): void {
    this.#telling.claimed(client)
    const isFull = this.#claims.size >= this.#o.limits.directoryClaims
    const answer = isFull ? Promise.resolve(undefined) : this.#within(this.#claim(client, atLeast))
    const claim: Claim = { done, answered: false, claimed: undefined }
    this.#claims.add(claim)
    void answer.then(claimed => {
      claim.answered = true
      claim.claimed = claimed
      this.#answer()
    })
  }

  settled(client: ClientKey, from: SiteName): void {
    this.#telling.settled(client, from)
  }

  forget(client: ClientKey, epoch: number): void {
    this.#telling.over(client, epoch)
  }

  takeWill(client: ClientKey, epoch: number, done: (mine: boolean | undefined) => void, of = this.#o.site): void {
    this.#telling.will(client, epoch, of, done)
  }

  find(client: ClientKey, done: (site: SiteName | undefined) => void): void {
    const { fence, keys } = this.#o
    const found = fence.driver
      .run('read', [keyOf(keys.owner, client)], ['site', 'over'])
      .then(([owner]) => (listOf(owner)[1] === null ? textOf(listOf(owner)[0]) : ''))
    void this.#within(found).then(done)
  }

  read(site: SiteName, client: ClientKey, done: (found: Foreign | 'none' | undefined) => void): void {
    const { fence, keys } = this.#o
    const found = fence.driver
      .run('read', [keyOf(keys.of(site).session, client)], [])
      .then(([fields]) => sessionOf(client, listOf(fields)) ?? 'none')
    void this.#within(found).then(done)
  }

  async elsewhere(sessions: readonly SessionEpoch[]): Promise<ReadonlyMap<ClientKey, boolean>> {
    const { fence, keys, site } = this.#o
    const found = new Map<ClientKey, boolean>()
    await inCalls(sessions, async some => {
      const names = some.map(({ client }) => keyOf(keys.owner, client))
      const owners = await fence.driver.run('read', names, ['site', 'epoch', 'from'])
      some.forEach(({ client, epoch }, i) => {
        const [at, since, from] = listOf(owners[i])
        if (textOf(at) === '' || textOf(at) === site || Number(textOf(since)) < epoch) return
        found.set(client, sitesOf(from).includes(site))
      })
    })
    return found
  }

  async taken(): Promise<readonly ClientKey[] | undefined> {
    const { fence, keys, limits } = this.#o
    const found = new Set<ClientKey>()
    for (let last = this.#named; ; ) {
      const words = [last, TAKEN_KEPT_MS, limits.directoryWrites, CALL_CLIENTS]
      const [isAll, at, ...clients] = await fence.driver.run('taken', [keys.taken], words)
      last = textOf(at)
      for (const client of clients) found.add(textOf(client) as ClientKey)
      if (isAll === 1 && clients.length === CALL_CLIENTS) continue
      this.#named = last
      return isAll === 1 ? [...found] : undefined
    }
  }

  async restore(sessions: Iterable<SessionEpoch>): Promise<ReadonlySet<ClientKey>> {
    const { fence, keys } = this.#o
    const found = new Set<ClientKey>()
    await inCalls([...sessions], async some => {
      const names = some.map(({ client }) => keyOf(keys.owner, client))
      const words = some.flatMap(({ client, epoch }) => [client, epoch])
      for (const client of await fence.write('restore', names, [...this.#site(), ...words]))
        found.add(textOf(client) as ClientKey)
    })
    return found
  }

  async owed(): Promise<ReadonlyMap<ClientKey, readonly SiteName[]>> {
    const { fence, keys, site } = this.#o
    const owed = new Map<ClientKey, readonly SiteName[]>()
    for await (const [name, value] of pages(fence.driver, keys.owed, keys.owner, 'HGETALL')) {
      const client = name as ClientKey
      const owner = new Map<string, Reply>()
      for (let fields = listOf(value), i = 0; i < fields.length; i += 2) owner.set(textOf(fields[i]), fields[i + 1]!)
      const from = sitesOf(owner.get('from'))
      if (from.length > 0 && textOf(owner.get('site')) === site) owed.set(client, from)
      // The owner was forgotten by Redis itself, and the index not.
      else this.#telling.over(client, 0)
    }
    return owed
  }

  /** Nothing is tried again from now on. */
  close(): void {
    this.#telling.close()
  }

  /** All that come before one that waits. */
  #answer(): void {
    for (const claim of this.#claims) {
      if (!claim.answered) break
      this.#claims.delete(claim)
      claim.done(claim.claimed)
    }
    this.#o.fence.driver.stats.nowDirectoryClaims = this.#claims.size
  }

  /** Undefined while others may not have told yet what lives with them. */
  async #claim(client: ClientKey, atLeast: number): Promise<Claimed | undefined> {
    const { fence, keys, limits } = this.#o
    const taken = keys.takenOf
    const words = [client, ...this.#site(atLeast), taken.before, taken.after, limits.directoryWrites, TAKEN_KEPT_MS]
    const [epoch, from, before] = await fence.write('claim', [keyOf(keys.owner, client)], words)
    if (performance.now() - fence.rolledBackAt < RESTORE_MS) return undefined
    return { epoch: numberOf(epoch), from: sitesOf(from), before: textOf(before) }
  }

  async #tell(client: ClientKey, words: readonly Argument[]): Promise<boolean> {
    const { fence, keys } = this.#o
    const [mine] = await fence.write('tell', [keyOf(keys.owner, client)], [client, ...this.#site(), ...words])
    return textOf(mine) === '1'
  }

  /** How scripts are told the site, and where to find what a site is owed. */
  #site(...between: Argument[]): Argument[] {
    const { before, after } = this.#o.keys.owedOf
    return [this.#o.site, ...between, before, after]
  }

  /** Undefined if it fails, or takes too long. */
  #within<T>(answer: Promise<T>): Promise<T | undefined> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, this.#timeoutMs, undefined)
      const end = (value: T | undefined) => {
        clearTimeout(timer)
        resolve(value)
      }
      answer.then(end, () => end(undefined))
    })
  }
}

/** As the scripts keep them: a comma behind each. */
const sitesOf = (from: Reply | undefined): SiteName[] => textOf(from).split(',').slice(0, -1)

/** A few calls at a time. Fails with the first that fails. */
async function inCalls<T>(all: readonly T[], call: (some: readonly T[]) => Promise<void>): Promise<void> {
  let at = 0
  const callSome = async () => {
    while (at < all.length) {
      const some = all.slice(at, (at += CALL_CLIENTS))
      await call(some)
    }
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, callSome))
}
