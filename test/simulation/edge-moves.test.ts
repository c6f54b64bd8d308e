/** Edges that cannot reach the core of their own site go to that of another, and later back: the sessions of their devices go along, and what is acknowledged is delivered once. */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { Client } from './client.ts'
import { op, runs } from './life.ts'
import type { Site } from './site.ts'
import { Sites } from './sites.ts'

vi.setConfig({ testTimeout: 60_000 })

const NAMES = ['eu', 'us'] as const
const LIMITS = { siteProbeMs: 1_000, siteFailbackMs: 2_000 }
const opened: Sites[] = []
afterEach(() => {
  for (const sites of opened.splice(0)) sites.close()
})

async function open(): Promise<Sites> {
  const sites = new Sites({ names: NAMES, edges: 1, shared: true, roaming: true, limits: LIMITS })
  opened.push(sites)
  await pass(sites, 2_000)
  return sites
}

/** Lets what is promised come as well. */
async function pass(sites: Sites, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    sites.pass(250)
    await new Promise(done => setImmediate(done))
  }
}

const linkedTo = (site: Site): string | undefined => site.edges[0]!.link.sites.find(one => one.linked)?.site

/** A device of one region: it comes back to its edge whenever it has lost its connection. */
class Device extends Client {
  constructor(sites: Sites, id: string, region: string) {
    super(
      {
        open: () => sites.at(region).open(),
        feed: (pipe, bytes) => sites.at(region).feed(pipe, bytes),
        settle: () => sites.settle(),
      } as ConstructorParameters<typeof Client>[0],
      id,
    )
  }

  /** Looks at what came; comes back if it has to. */
  live(): number {
    if (!this.connected) {
      this.drop()
      this.connect({ expirySec: 3600 })
    }
    return this.work()
  }
}

/** Everybody works until nothing moves for some seconds. */
async function rest(sites: Sites, devices: readonly Device[]): Promise<void> {
  for (let quiet = 0, round = 0; quiet < 12; round++) {
    if (round > 400) throw new Error('The devices do not come to rest')
    let moved = 0
    for (const one of devices) moved += one.live()
    quiet = moved === 0 && devices.every(one => one.connected) ? quiet + 1 : 0
    await pass(sites, 250)
  }
}

const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

test('a DISCONNECT that no core of the own site has heard removes the will, told to that of another site', async () => {
  const sites = await open()
  const eu = sites.at('eu')
  const [polite, rude, watcher] = [new Client(eu, 'polite'), new Client(eu, 'rude'), new Client(sites.at('us'), 'w')]
  watcher.connect()
  watcher.subscribe('wills', 1)
  for (const one of [polite, rude]) {
    const will = { topic: 'wills', payload: one.id, qos: 1, retain: false, properties: { willDelayInterval: 60 } }
    one.connect({ will })
  }
  await pass(sites, 1_000)
  eu.reachable(false)
  polite.disconnect()
  rude.drop()
  await pass(sites, 5_000)
  expect(linkedTo(eu)).toBe('us')
  expect(eu.edges[0]!.linkStats.nowFarewells).toBe(0)
  await pass(sites, 70_000)
  watcher.work()
  expect(textsOf(watcher)).toEqual(['rude'])
})

test('an edge goes to another site and back: a session with what is on its way goes along each time', async () => {
  const sites = await open()
  const eu = sites.at('eu')
  const [sub, pub] = [new Device(sites, 'sub', 'eu'), new Device(sites, 'pub', 'us')]
  await rest(sites, [sub, pub])
  sub.subscribe('a/#', 2)
  await rest(sites, [sub, pub])
  const sent: string[] = []
  const publish = (): void => {
    for (const qos of [1, 2] as const) {
      sent.push(`${sent.length}`)
      pub.publish('a/1', sent.at(-1)!, qos)
    }
  }
  publish()
  eu.reachable(false)
  publish()
  await pass(sites, 2_000)
  expect([linkedTo(eu), sub.connected]).toEqual(['us', false])
  publish()
  await rest(sites, [sub, pub])
  expect(sub.sessionPresent).toBe(true)
  expect(new Set(textsOf(sub))).toEqual(new Set(sent))

  eu.reachable(true)
  await pass(sites, 6_000)
  expect([linkedTo(eu), eu.edges[0]!.linkStats.switches]).toEqual(['eu', 2])
  publish()
  await rest(sites, [sub, pub])
  expect(sub.sessionPresent).toBe(true)
  expect(textsOf(sub).filter(text => Number(text) % 2 === 1)).toEqual(sent.filter(text => Number(text) % 2 === 1))
  expect(new Set(textsOf(sub))).toEqual(new Set(sent))
})

const region = fc.constantFrom(...NAMES)
const common = [
  op(8, 'publish', { by: fc.nat(1), qos: fc.constantFrom<(1 | 2)[]>(1, 2) }),
  op(6, 'live', { who: fc.nat(3) }),
  op(2, 'drop', { who: fc.nat(3) }),
  op(3, 'reachable', { region, on: fc.boolean() }),
  op(6, 'pass', { ms: fc.constantFrom(250, 1_000, 3_500) }),
] as const
const size = { minLength: 10, maxLength: 50 }
const ops = fc.array(fc.oneof(...common), size)
const withParts = fc.array(fc.oneof(...common, op(2, 'part', { on: fc.boolean() })), size)
type Op = typeof withParts extends fc.Arbitrary<(infer O)[]> ? O : never

class Run {
  readonly sites: Sites
  /** Two that publish, two that subscribe: one of each in each region. */
  readonly devices: Device[]
  readonly #down = new Set<string>()
  #n = 0

  constructor(sites: Sites) {
    this.sites = sites
    this.devices = NAMES.flatMap(name => [`pub-${name}`, `sub-${name}`].map(id => new Device(sites, id, name)))
    this.devices.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async step(o: Op): Promise<void> {
    switch (o.do) {
      case 'publish': {
        const by = this.devices[o.by]!
        if (by.connected) by.publish('a', `${o.qos}:${o.by}:${++this.#n}`, o.qos)
        return
      }
      case 'live':
        this.devices[o.who]!.live()
        return
      case 'drop':
        return this.devices[o.who]!.drop()
      case 'reachable':
        if (o.on === !this.#down.has(o.region)) return
        if (o.on) this.#down.delete(o.region)
        else this.#down.add(o.region)
        return this.sites.at(o.region).reachable(o.on)
      case 'part':
        return o.on ? this.sites.part(...NAMES) : this.sites.heal()
      case 'pass':
        return pass(this.sites, o.ms)
    }
  }

  /** Comes to rest with everything in reach; nothing that was acknowledged is lost. Returns what the subscribers have seen. */
  async end(): Promise<string[][]> {
    this.sites.heal()
    for (const name of NAMES) this.sites.at(name).reachable(true)
    await rest(this.sites, this.devices)
    await pass(this.sites, 10_000)
    await rest(this.sites, this.devices)
    for (const name of NAMES) expect(linkedTo(this.sites.at(name))).toBe(name)
    return this.devices.slice(2).map(sub => {
      const seen = textsOf(sub)
      for (const pub of this.devices.slice(0, 2))
        for (const text of pub.acked) expect(seen, `${sub.id} has what ${pub.id} published`).toContain(text)
      return seen
    })
  }
}

async function live(steps: readonly Op[]): Promise<string[][]> {
  const run = new Run(await open())
  await rest(run.sites, run.devices)
  for (const sub of run.devices.slice(2)) sub.subscribe('a', 2)
  await rest(run.sites, run.devices)
  for (const step of steps) await run.step(step)
  const seen = await run.end()
  opened.pop()?.close()
  return seen
}

test('random lives: nothing that is acknowledged is lost, and QoS 2 comes once', async () => {
  await fc.assert(
    fc.asyncProperty(ops, async steps => {
      for (const seen of await live(steps)) {
        const twos = seen.filter(text => text.startsWith('2:'))
        expect(twos).toEqual([...new Set(twos)])
      }
    }),
    runs(30),
  )
})

test('random lives of sites that are apart at times: nothing that is acknowledged is lost', async () => {
  await fc.assert(
    fc.asyncProperty(withParts, async steps => {
      await live(steps)
    }),
    runs(30),
  )
})
