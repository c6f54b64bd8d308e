/** One random life, by its seed, of clients that roam between sites, with links that break, sites that are apart and cores that end; and what of it must not be. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Limits } from '../../core/contract/limits.ts'
import type { Client } from './client.ts'
import { Roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

const RUNS = Number(process.env.MERIDIAN_RUNS ?? 1)

/** From 1, and those that are pinned. */
export const seeds = (n: number, ...pinned: number[]): number[] => [
  ...new Set([...Array.from({ length: Math.ceil(n * RUNS) }, (_, i) => i + 1), ...pinned]),
]

export interface Life {
  readonly names: readonly string[]
  readonly cuts: boolean
  readonly parts: boolean
  readonly crashes: boolean
  /** Of two cores that end, one does in order. */
  readonly stops?: boolean
  readonly limits?: Partial<Limits>
  /** Subscribers; default 2. */
  readonly subs?: number
  /** A publisher says so many messages at once, at most; default 1. */
  readonly burst?: number
  /** What was asked is answered while time passes. */
  readonly answers?: boolean
  /** Publishers stay where they are: what one of them says is in order. */
  readonly settled?: boolean
}

export interface Lived {
  readonly subs: readonly Client[]
  readonly pubs: readonly Client[]
  /** Line by line, for people. */
  readonly story: readonly string[]
}

const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const microtasks = () => new Promise(done => setImmediate(done))

/** Lives it to its end, when all is well and everybody has come to rest. */
export async function live(seed: number, life: Life): Promise<Lived> {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-roam-'))
  const { names, limits } = life
  const options = { names, edges: 1, shared: true, dataDir: (name: string) => join(dir, name) }
  const world = new Sites(limits === undefined ? options : { ...options, limits })
  try {
    return await new Run(world, life, random(seed)).live()
  } finally {
    world.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

class Run {
  readonly #world: Sites
  readonly #life: Life
  readonly #rnd: () => number
  readonly #story: string[] = []
  readonly #clients: Roamer[] = []
  #said = 0

  constructor(world: Sites, life: Life, rnd: () => number) {
    this.#world = world
    this.#life = life
    this.#rnd = rnd
  }

  async live(): Promise<Lived> {
    const { subs: count = 2, settled } = this.#life
    const subs = Array.from({ length: count }, (_, i) => this.#make(`s${i + 1}`))
    const pubs = [this.#make('p1'), this.#make('p2')]
    await this.#rest()
    for (const one of subs) one.subscribe('a/+', 2)
    await this.#rest()
    for (let step = 0; step < 60; step++) {
      await this.#step(pubs, settled === true ? subs : this.#clients)
      await this.#turns(this.#upTo(12) - 1)
    }
    this.#story.push('end')
    this.#world.heal()
    for (let i = 0; i < 3; i++) await this.#rest()
    return { subs, pubs, story: this.#story }
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#rnd() * list.length)]!
  }

  #upTo(n: number): number {
    return 1 + Math.floor(this.#rnd() * n)
  }

  #make(id: string): Roamer {
    const one = new Roamer(this.#world, id, this.#pick(this.#life.names))
    one.settles = false
    this.#clients.push(one)
    return one
  }

  async #turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      this.#world.turn()
      for (const one of this.#clients) if (this.#rnd() < 0.7) one.work(this.#upTo(3))
      if (i % 4 === 0) await microtasks()
    }
  }

  async #rest(): Promise<void> {
    for (let quiet = 0, round = 0; quiet < 10; round++) {
      if (round > 600) throw new Error(`The world does not come to rest\n${this.#story.join('\n')}`)
      this.#world.settle()
      let moved = 0
      for (const one of this.#clients) {
        moved += one.work()
        if (one.connected) continue
        one.connect()
        moved++
      }
      quiet = moved === 0 ? quiet + 1 : 0
      await microtasks()
      this.#world.pass(250)
    }
  }

  async #step(pubs: readonly Roamer[], movers: readonly Roamer[]): Promise<void> {
    const { names, cuts, parts, crashes, stops } = this.#life
    const dice = this.#rnd()
    const one = this.#pick(movers)
    if (dice < 0.5) this.#publish(this.#pick(pubs))
    else if (dice < 0.68) {
      one.lost()
      one.at = this.#pick(names)
      this.#story.push(`${one.id} goes to ${one.at}`)
      one.connect()
    } else if (dice < 0.74) {
      this.#story.push(`${one.id} is gone`)
      if (one.connected) one.drop()
    } else if (dice < 0.8) {
      this.#story.push(`${one.id} comes`)
      if (!one.connected) one.connect()
    } else if (dice < 0.86 && cuts) this.#between('cut')
    else if (dice < 0.9 && parts) this.#between('part')
    else if (dice < 0.93 && parts) {
      this.#story.push('heal')
      this.#world.heal()
    } else if (dice < 0.96 && crashes) {
      const name = this.#pick(names)
      const how = stops === true && this.#rnd() < 0.5 ? 'stop' : 'crash'
      this.#story.push(`${how} ${name}`)
      this.#world.at(name)[`${how}Core`]()
    } else {
      const ms = 250 * this.#upTo(12)
      this.#story.push(`pass ${ms}`)
      await this.#pass(ms)
    }
  }

  async #pass(ms: number): Promise<void> {
    if (this.#life.answers !== true) return this.#world.pass(ms)
    for (let left = ms; left > 0; left -= 250) {
      this.#world.pass(250)
      await microtasks()
    }
  }

  #between(what: 'cut' | 'part'): void {
    const [a, b] = [this.#pick(this.#life.names), this.#pick(this.#life.names)]
    if (a === b) return
    this.#story.push(`${what} ${a} ${b}`)
    this.#world[what](a, b)
  }

  #publish(pub: Roamer): void {
    const { burst = 1 } = this.#life
    for (let left = burst === 1 ? 1 : this.#upTo(burst); left > 0; left--) {
      const text = `${pub.id}-${++this.#said}`
      const qos = this.#rnd() < 0.5 ? 1 : 2
      if (!pub.connected) continue
      this.#story.push(`${pub.id}@${pub.at} publishes ${text} q${qos}`)
      pub.publish('a/1', `${text}q${qos}`, qos)
    }
  }
}

/** What was acknowledged, and never came; per subscriber. */
export const lost = ({ subs, pubs, story }: Lived): string[] => {
  const acked = pubs.flatMap(pub => pub.acked)
  return faults(subs, story, texts => acked.filter(text => !texts.includes(text)))
}

/** What came twice, with QoS 2. */
export const twice = ({ subs, story }: Lived): string[] =>
  faults(subs, story, texts => texts.filter((text, i) => text.endsWith('q2') && texts.indexOf(text) !== i))

/** What came first behind something that its publisher had said later with the same QoS. */
export const disordered = ({ subs, story }: Lived): string[] =>
  faults(subs, story, texts => {
    const highest = new Map<string, number>()
    return [...new Set(texts)].filter(text => {
      const [, by, n, qos] = /^(\w+)-(\d+)(q\d)$/.exec(text)!
      const before = highest.get(`${by}${qos}`) ?? 0
      highest.set(`${by}${qos}`, Math.max(before, Number(n)))
      return Number(n) < before
    })
  })

function faults(subs: readonly Client[], story: readonly string[], of: (texts: string[]) => string[]): string[] {
  const found = subs.flatMap(sub => of(textsOf(sub)).map(text => `${sub.id}: ${text}`))
  return found.length === 0 ? [] : [...found, ...story]
}
