/** A site is lost to the others, dead or cut off: its wills are published by one of them and once, and retained messages are the same everywhere after it is back. */
import { afterEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { MemoryDirectory, MemoryWatch } from '../../core/site/memory.ts'
import { Undertaker } from '../../core/site/undertaker.ts'
import { Client } from './client.ts'
import { Sites } from './sites.ts'

const NAMES = ['eu', 'us', 'ap']

class World {
  readonly sites = new Sites({ names: NAMES, edges: 1, shared: true })
  readonly #clients: Client[] = []
  readonly #undertakers = NAMES.map(name => {
    const { core, coreStats } = this.sites.at(name)
    const globe = this.sites.globe!
    const others = NAMES.filter(other => other !== name)
    const now = () => this.sites.now
    return new Undertaker({
      watch: new MemoryWatch(globe, others, now),
      directory: new MemoryDirectory(globe, name),
      limits: DEFAULT_LIMITS,
      stats: coreStats,
      events: () => {},
      now,
      publish: (init, done, id) => core.publish(init, done, id),
      take: message => core.take(message),
    })
  })

  client(id: string, at: string): Client {
    const client = new Client(this.sites.at(at), id)
    this.#clients.push(client)
    return client
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      this.sites.pass(250)
      for (const [i, undertaker] of this.#undertakers.entries())
        if (!this.sites.at(NAMES[i]!).dead) undertaker.tick(this.sites.now)
      for (let round = 0; round < 6; round++) {
        await new Promise(done => setImmediate(done))
        this.sites.settle()
        for (const client of this.#clients) client.work()
      }
    }
  }

  lose(name: string): void {
    this.sites.at(name).dead = true
    for (const other of NAMES) if (other !== name) this.sites.part(name, other)
  }

  async regain(name: string): Promise<void> {
    this.sites.at(name).dead = false
    this.sites.heal()
    await this.pass(6_000)
  }
}

const opened: World[] = []
afterEach(() => {
  for (const { sites } of opened.splice(0)) sites.close()
})

async function open(): Promise<World> {
  const world = new World()
  opened.push(world)
  await world.pass(2_000)
  return world
}

const will = (topic: string, delaySec: number, retain = false) => ({
  topic,
  payload: Buffer.from(topic),
  qos: 1,
  retain,
  properties: { willDelayInterval: delaySec },
})
const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

test('wills of a site that is lost are published once, wherever it publishes them itself afterwards', async () => {
  const world = await open()
  const watchers = ['us', 'ap'].map(at => world.client(`watcher-${at}`, at))
  for (const one of watchers) {
    one.connect()
    one.subscribe('w/#', 2)
  }
  const soon = world.client('soon', 'eu')
  soon.connect({ will: will('w/soon', 0) })
  const later = world.client('later', 'eu')
  later.connect({ will: will('w/later', 30) })
  const never = world.client('never', 'eu')
  never.connect({ will: will('w/never', 60) })
  await world.pass(2_000)
  world.lose('eu')
  await world.pass(14_000)
  for (const one of watchers) expect(textsOf(one)).toEqual(['w/soon'])
  await world.pass(30_000)
  for (const one of watchers) expect(textsOf(one)).toEqual(['w/soon', 'w/later'])
  await world.regain('eu')
  for (const one of [soon, later, never]) one.drop()
  await world.pass(30_000)
  never.connect()
  await world.pass(60_000)
  for (const one of watchers) expect(textsOf(one)).toEqual(['w/soon', 'w/later'])
  const published = NAMES.map(name => world.sites.at(name).coreStats.willsPublished)
  expect(published.reduce((a, b) => a + b)).toBe(2)
})

test('retained messages of both sides of a cut are the same everywhere after it: the newest, and none that was removed later', async () => {
  const world = await open()
  const [eu, us] = [world.client('pub-eu', 'eu'), world.client('pub-us', 'us')]
  for (const one of [eu, us]) one.connect()
  const retain = (one: Client, topic: string, text: string) => one.publish(topic, text, 1, true)
  retain(eu, 'r/gone', 'before')
  await world.pass(1_000)
  world.lose('eu')
  for (const [one, topic, text] of [
    [eu, 'r/us-wins', 'eu'],
    [us, 'r/eu-wins', 'us'],
    [eu, 'r/gone', 'old'],
    [eu, 'r/alone', 'eu'],
  ] as const)
    retain(one, topic, text)
  await world.pass(1_000)
  retain(us, 'r/us-wins', 'us')
  retain(eu, 'r/eu-wins', 'eu')
  retain(us, 'r/gone', '')
  await world.pass(12_000)
  await world.regain('eu')
  for (const name of NAMES) {
    const late = world.client(`late-${name}`, name)
    late.connect()
    late.subscribe('r/#', 1)
    await world.pass(1_000)
    const shown = late.seen.map(({ topic, text }) => `${topic} ${text}`).sort()
    expect([name, ...shown]).toEqual([name, 'r/alone eu', 'r/eu-wins eu', 'r/us-wins us'])
  }
})
