/** What the directory has still to be told, client by client: sent at once, and again until Redis answers. Knows no answers but that of a will. */
import type { ClientKey } from '../../contract/ids.ts'
import type { SiteName } from '../../site/port.ts'
import type { Argument } from './driver.ts'
import { FencedError } from './fence.ts'
import type { RedisStats } from './stats.ts'

type Done = (mine: boolean | undefined) => void

interface Will {
  readonly epoch: number
  /** The same at each try, and nobody else's. */
  readonly taker: string
  /** Whose record has it. */
  readonly of: SiteName
  readonly done: Done[]
}

interface Told {
  readonly key: string
  readonly client: ClientKey
  readonly will: Will | undefined
  readonly settled: Set<SiteName>
  /** Epoch of the session that is over; 0 for none. */
  over: number
}

export interface TellingOptions {
  /** Clients that may wait. */
  readonly limit: number
  readonly stats: RedisStats
  /** One call of `tell.lua`: what follows the site's own words. True if the will is ours. */
  readonly send: (client: ClientKey, words: readonly Argument[]) => Promise<boolean>
  /** Names this holder of the lease of its site. */
  readonly holder: () => string
}

const AT_ONCE = 512
const PAUSE_MS = 100
const PAUSE_MAX_MS = 2_000
/** How long the owner of a session that is over is remembered: a site that is away for longer may take what it has of it for alive. */
const KEPT_MS = 7 * 24 * 3600 * 1000

export class Telling {
  readonly #o: TellingOptions
  /** Under way or not. */
  readonly #all = new Map<string, Told>()
  /** Not under way. */
  readonly #waiting = new Set<Told>()
  #underWay = 0
  #takers = 0
  #pauseMs = PAUSE_MS
  #pause: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(options: TellingOptions) {
    this.#o = options
  }

  settled(client: ClientKey, from: SiteName): void {
    const told = this.#of(client, client)
    if (told === undefined) return
    told.settled.add(from)
    this.#tell(told)
  }

  over(client: ClientKey, epoch: number): void {
    const told = this.#of(client, client)
    if (told === undefined) return
    told.over = Math.max(told.over, epoch)
    this.#tell(told)
  }

  will(client: ClientKey, epoch: number, of: SiteName, done: Done): void {
    const told = this.#of(client, `${epoch} ${client}`, {
      epoch,
      taker: `${this.#o.holder()}.${++this.#takers}`,
      of,
      done: [],
    })
    if (told?.will === undefined) return queueMicrotask(() => done(undefined))
    told.will.done.push(done)
    this.#tell(told)
  }

  /** It is claimed: a site that is settled by now may hold something of it again. */
  claimed(client: ClientKey): void {
    const told = this.#all.get(client)
    told?.settled.clear()
  }

  /** What waits is dropped. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#pause)
    const dropped = [...this.#all.values()]
    this.#all.clear()
    this.#waiting.clear()
    this.#count()
    for (const { will } of dropped) for (const done of will?.done ?? []) queueMicrotask(() => done(undefined))
  }

  #of(client: ClientKey, key: string, will?: Will): Told | undefined {
    let told = this.#all.get(key)
    if (told !== undefined || this.#closed) return told
    if (this.#all.size >= this.#o.limit) {
      this.#o.stats.directoryDropped++
      return undefined
    }
    this.#all.set(key, (told = { key, client, will, settled: new Set(), over: 0 }))
    this.#waiting.add(told)
    return told
  }

  #tell(told: Told): void {
    if (this.#pause === undefined && this.#underWay < AT_ONCE && this.#waiting.has(told)) void this.#send(told)
    this.#count()
  }

  async #send(told: Told): Promise<void> {
    const { client, will, over } = told
    const settled = [...told.settled]
    this.#waiting.delete(told)
    this.#underWay++
    const words = [will?.epoch ?? '', will?.taker ?? '', over === 0 ? '' : over, KEPT_MS, will?.of ?? '', ...settled]
    let mine: boolean | undefined
    try {
      mine = await this.#o.send(client, words)
    } catch (error) {
      if (error instanceof FencedError) this.close()
    }
    this.#underWay--
    if (this.#closed) return
    if (mine === undefined) this.#failed(told)
    else {
      this.#pauseMs = PAUSE_MS
      this.#answered(told, settled, over)
      // Of several who asked meanwhile it is the first one's.
      for (const [i, done] of (will?.done ?? []).entries()) done(mine && i === 0)
    }
    this.#next()
  }

  #failed(told: Told): void {
    this.#waiting.add(told)
    if (this.#pause !== undefined) return
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.#next()
    }, this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MAX_MS)
  }

  /** What was said meanwhile is still to be said. */
  #answered(told: Told, settled: readonly SiteName[], over: number): void {
    for (const site of settled) told.settled.delete(site)
    if (told.over === over) told.over = 0
    if (told.settled.size > 0 || told.over > 0) this.#waiting.add(told)
    else this.#all.delete(told.key)
  }

  #next(): void {
    if (this.#pause === undefined && !this.#closed)
      for (const told of this.#waiting) {
        if (this.#underWay >= AT_ONCE) break
        void this.#send(told)
      }
    this.#count()
  }

  #count(): void {
    this.#o.stats.nowDirectoryWaiting = this.#all.size
  }
}
