/**
 * Random lives of clients that roam between sites, with links that break, sites that are apart and cores that die: nothing that
 * was acknowledged is lost, and nothing with QoS 2 is seen twice by clients that do not cross between sites that are apart.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Client } from './client.ts'
import { Sites } from './sites.ts'

const RUNS = Number(process.env.MERIDIAN_RUNS ?? 1)
const THREE = ['eu', 'us', 'ap']
const TWO = ['eu', 'us']

const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

class Roamer extends Client {
  readonly place: { at: string }

  constructor(sites: Sites, id: string, place: { at: string }) {
    super(
      {
        open: () => sites.at(place.at).open(),
        feed: (pipe, bytes) => sites.at(place.at).feed(pipe, bytes),
        settle: () => {},
      } as ConstructorParameters<typeof Client>[0],
      id,
    )
    this.place = place
  }
}

let sites: Sites | undefined
let dir = ''
afterEach(() => {
  sites?.close()
  sites = undefined
  rmSync(dir, { recursive: true, force: true })
})

const microtasks = () => new Promise(done => setImmediate(done))

interface Faults {
  readonly names: readonly string[]
  readonly cuts: boolean
  readonly parts: boolean
  readonly crashes: boolean
}

async function live(seed: number, faults: Faults): Promise<{ subs: Roamer[]; pubs: Roamer[]; story: string[] }> {
  const rnd = random(seed)
  const { names } = faults
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rnd() * list.length)]!
  dir = mkdtempSync(join(tmpdir(), 'meridian-roam-'))
  const world = new Sites({ names, edges: 1, shared: true, dataDir: name => join(dir, name) })
  sites = world
  const story: string[] = []
  const clients: Roamer[] = []
  const turns = async (n: number) => {
    for (let i = 0; i < n; i++) {
      world.turn()
      for (const one of clients) if (rnd() < 0.7) one.work(1 + Math.floor(rnd() * 3))
      if (i % 4 === 0) await microtasks()
    }
  }
  const rest = async () => {
    for (let quiet = 0, round = 0; quiet < 10; round++) {
      if (round > 600) throw new Error('The world does not come to rest')
      world.settle()
      let moved = 0
      for (const one of clients) {
        moved += one.work()
        if (one.connected) continue
        one.connect()
        moved++
      }
      quiet = moved === 0 ? quiet + 1 : 0
      await microtasks()
      world.pass(250)
    }
  }
  const make = (id: string) => {
    const one = new Roamer(world, id, { at: pick(names) })
    clients.push(one)
    return one
  }
  const subs = [make('s1'), make('s2')]
  const pubs = [make('p1'), make('p2')]
  await rest()
  for (const one of subs) one.subscribe('a/+', 2)
  await rest()
  let n = 0
  for (let step = 0; step < 60; step++) {
    const dice = rnd()
    const one = pick(clients)
    if (dice < 0.5) {
      const pub = pick(pubs)
      const text = `${pub.id}-${++n}`
      const qos = rnd() < 0.5 ? 1 : 2
      if (pub.connected) {
        story.push(`${pub.id}@${pub.place.at} publishes ${text} q${qos}`)
        pub.publish('a/1', `${text}q${qos}`, qos)
      }
    } else if (dice < 0.68) {
      one.lost()
      one.place.at = pick(names)
      story.push(`${one.id} goes to ${one.place.at}`)
      one.connect()
    } else if (dice < 0.74) {
      story.push(`${one.id} is gone`)
      if (one.connected) one.drop()
    } else if (dice < 0.8) {
      story.push(`${one.id} comes`)
      if (!one.connected) one.connect()
    } else if (dice < 0.86 && faults.cuts) {
      const [a, b] = [pick(names), pick(names)]
      if (a !== b) {
        story.push(`cut ${a} ${b}`)
        world.cut(a, b)
      }
    } else if (dice < 0.9 && faults.parts) {
      const [a, b] = [pick(names), pick(names)]
      if (a !== b) {
        story.push(`part ${a} ${b}`)
        world.part(a, b)
      }
    } else if (dice < 0.93 && faults.parts) {
      story.push('heal')
      world.heal()
    } else if (dice < 0.96 && faults.crashes) {
      const name = pick(names)
      story.push(`crash ${name}`)
      world.at(name).crashCore()
    } else {
      const ms = 250 * (1 + Math.floor(rnd() * 12))
      story.push(`pass ${ms}`)
      world.pass(ms)
    }
    await turns(Math.floor(rnd() * 12))
  }
  story.push('end')
  world.heal()
  await rest()
  await rest()
  await rest()
  return { subs, pubs, story }
}

function check({ subs, pubs, story }: Awaited<ReturnType<typeof live>>, exactly: boolean): void {
  const acked = pubs.flatMap(pub => pub.acked)
  for (const sub of subs) {
    const texts = sub.seen.map(({ text }) => text)
    const lost = acked.filter(text => !texts.includes(text))
    expect(lost, `${sub.id} lost\n${story.join('\n')}`).toEqual([])
    if (!exactly) continue
    const twice = texts.filter((text, i) => text.endsWith('q2') && texts.indexOf(text) !== i)
    expect(twice, `${sub.id} twice\n${story.join('\n')}`).toEqual([])
  }
}

const seeds = (n: number) => Array.from({ length: Math.ceil(n * RUNS) }, (_, i) => i + 1)

describe('clients roam', () => {
  // 47: a client overtakes its own session twice, and what was in flight is known to a third site.
  test.each([...new Set([...seeds(10), 47])])('between sites that are well (%i)', async seed => {
    check(await live(seed, { names: THREE, cuts: false, parts: false, crashes: false }), true)
  })

  // 169: a client goes on from a third site, and back to what the second one has still to fetch.
  test.each([...new Set([...seeds(10), 169])])('while links between sites break (%i)', async seed => {
    check(await live(seed, { names: THREE, cuts: true, parts: false, crashes: false }), true)
  })

  test.each(seeds(10))('while sites are apart (%i)', async seed => {
    check(await live(seed, { names: TWO, cuts: true, parts: true, crashes: false }), false)
  })

  // 228: a client goes to a site that has not read what waits for the one it comes from, and back. 550: its core dies while it brings one.
  // 236: a core dies before it has started.
  test.each([...new Set([...seeds(10), 228, 236, 550])])('while cores die (%i)', async seed => {
    check(await live(seed, { names: TWO, cuts: true, parts: true, crashes: true }), false)
  })
})
