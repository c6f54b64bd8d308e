/** Random lives of an edge's link among the cores of three sites, which die, hang, stand by and come nearer: it is linked to one core at a time, comes to rest at the best one, and does not flap. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { FakeCore, message, World } from '../unit/edge/link/rig.ts'
import { op, runs } from './life.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Two cores at the first site, one at each of the others. */
const CORES = ['eu1', 'eu2', 'us1', 'ap1'] as const
const siteOf = (core: string): string => core.slice(0, 2)
const URLS = CORES.map(core => `ws://${core}`)
const PROBE_MS = 1_000
const FAILBACK_MS = 4_000

const core = fc.constantFrom(...CORES)
const common = [
  op(4, 'die', { core }),
  op(4, 'start', { core }),
  op(2, 'hang', { core }),
  op(3, 'heal', { core }),
  op(2, 'cut'),
  op(2, 'distance', { core, ms: fc.constantFrom(1, 20, 80, 200) }),
  op(3, 'publish', { count: fc.integer({ min: 1, max: 3 }) }),
  op(8, 'pass', { ms: fc.constantFrom(250, 1000, 3500, 12_000) }),
] as const
const ops = fc.array(fc.oneof(...common), { minLength: 5, maxLength: 60 })
type Op = typeof ops extends fc.Arbitrary<(infer O)[]> ? O : never

class Run {
  readonly world = new World({ siteProbeMs: PROBE_MS, siteFailbackMs: FAILBACK_MS, connectTimeoutMs: 3_000 })
  readonly cores = new Map<string, FakeCore>()
  readonly up = new Set<string>(CORES)
  readonly hung = new Set<string>()
  readonly #prefer: string
  readonly #active = new Set<string>()
  #seq = 0
  /** What may have made the edge change its core. */
  causes = 0

  constructor(prefer: string, random: number) {
    this.#prefer = prefer
    this.world.prefer = prefer
    this.world.random = random
    for (const [i, name] of CORES.entries()) {
      this.cores.set(name, new FakeCore(this.world, name, 'secret', siteOf(name)))
      this.world.distances.set(`ws://${name}`, 5 + 30 * i)
    }
    this.#elect()
    this.world.start(...URLS)
  }

  step(o: Op): void {
    const { world, up, hung } = this
    switch (o.do) {
      case 'die':
        this.causes++
        up.delete(o.core)
        this.#active.delete(o.core)
        world.die(`ws://${o.core}`)
        return this.#elect()
      case 'start':
        if (up.has(o.core)) return
        up.add(o.core)
        this.cores.set(o.core, new FakeCore(world, o.core, 'secret', siteOf(o.core)))
        return this.#elect()
      case 'hang':
        this.causes++
        hung.add(o.core)
        return world.hang(`ws://${o.core}`)
      case 'heal':
        hung.delete(o.core)
        return world.heal(`ws://${o.core}`)
      case 'cut':
        return world.cut()
      case 'distance':
        this.causes++
        world.distances.set(`ws://${o.core}`, o.ms)
        return
      case 'publish':
        for (let i = 0; i < o.count; i++) world.link.publish(message(++this.#seq))
        return world.settle()
      case 'pass':
        return world.pass(o.ms)
    }
  }

  /** Of each site one core that is up is active, and stays so as long as it lives. */
  #elect(): void {
    for (const site of new Set(CORES.map(siteOf))) {
      const up = CORES.filter(name => siteOf(name) === site && this.up.has(name))
      const active = up.find(name => this.#active.has(name)) ?? up[0]
      for (const name of up) this.cores.get(name)!.standby = name === active ? undefined : `Core ${active} is active`
      if (active !== undefined) this.#active.add(active)
    }
  }

  check(): void {
    const { world } = this
    expect(world.stats.nowLinks).toBe(world.link.linked ? 1 : 0)
    for (const { published } of world.cores) expect(published).toEqual([...new Set(published)].sort((a, b) => a - b))
    expect(world.stats.switches, 'no flapping').toBeLessThanOrEqual(2 * this.causes)
  }

  /** Whatever happened: once everything is there again the edge is where it should be, and stays. */
  comeToRest(): void {
    const { world } = this
    for (const name of CORES) {
      world.heal(`ws://${name}`)
      if (!this.up.has(name)) this.step({ do: 'start', core: name })
    }
    for (const [i, name] of CORES.entries()) world.distances.set(`ws://${name}`, 5 + 30 * i)
    world.pass(60_000)
    const at = world.link.sites.find(one => one.linked)?.site
    expect(at).toBe(this.#prefer === '' ? 'eu' : this.#prefer)
    const { switches } = world.stats
    world.pass(60_000)
    expect(world.stats.switches).toBe(switches)
    const open = [...world.network.wires].filter(wire => !wire.silent && !wire.closing)
    expect(open.length, 'the link and a question to each core').toBeLessThanOrEqual(1 + CORES.length)
    const linked = [...this.cores.values()].filter(one => one.server.edges.some(edge => edge.linked))
    expect(linked.map(one => siteOf(one.id))).toEqual([at])
  }
}

test.each(['', 'eu', 'us'])('preferred site: %j', prefer => {
  fc.assert(
    fc.property(ops, fc.constantFrom(0, 0.5, 0.99), (steps, random) => {
      const run = new Run(prefer, random)
      for (const step of steps) {
        run.step(step)
        run.check()
      }
      run.comeToRest()
    }),
    runs(100),
  )
})
