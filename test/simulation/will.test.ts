/** Random connects, ends, drains and silences of one client against a model of its session and its will: Session Present is right each time, each will is published exactly when the standard, or after a drain the grace, demands it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { Client } from './client.ts'
import { comeToRest, nothingLeft, onDisk, op, runs } from './life.ts'
import { World } from './world.ts'

const seconds = fc.constantFrom(0, 2, 5, 20)
const connecting = (...qos: (0 | 1 | 2)[]) => ({
  clean: fc.boolean(),
  expirySec: seconds,
  will: fc.option(fc.record({ delaySec: seconds, qos: fc.constantFrom(...qos) }), { freq: 5 }),
  /** How the connection before it ends, if there still is one. */
  before: fc.constantFrom('drop', 'abandon'),
})
const common = [
  op(3, 'drop'),
  op(2, 'drain'),
  op(2, 'disconnect', {
    reason: fc.constantFrom(0, 4),
    expirySec: fc.option(fc.constantFrom(0, 5, 20), { nil: undefined }),
  }),
  op(6, 'pass', { ms: fc.constantFrom(1000, 2000, 3000, 5000, 15_000) }),
] as const
const ops = fc.array(fc.oneof(op(6, 'connect', connecting(0, 1, 2)), ...common), { minLength: 5, maxLength: 40 })
// A will of QoS 0 that is published at start finds nobody connected.
const opsWithCrashes = fc.array(fc.oneof(op(6, 'connect', connecting(1, 2)), ...common, op(2, 'crash')), {
  minLength: 5,
  maxLength: 30,
})
type Op = typeof opsWithCrashes extends fc.Arbitrary<(infer O)[]> ? O : never

interface Model {
  /** Of the session, once its connection ends. */
  expirySec: number
  /** Undefined while connected. ms since the epoch. */
  offlineAt: number | undefined
  will: { text: string; delaySec: number } | undefined
  /** The edge sent the client away: until then the will waits for it. ms since the epoch. */
  heldUntil: number
  /** Nothing is left of it but a will that is held. */
  over: boolean
}

const AWAY = { reason: 0x9c, serverReference: undefined }

class Life {
  readonly world: World
  readonly version: 4 | 5
  readonly watcher: Client
  readonly client: Client
  readonly expected: string[] = []
  model: Model | undefined
  #n = 0

  constructor(world: World, version: 4 | 5) {
    this.world = world
    this.version = version
    this.watcher = new Client(world, 'watcher')
    this.client = new Client(world, 'client', version)
    this.#watch()
    this.watcher.subscribe('will', 2)
  }

  #watch(): void {
    this.watcher.connect({ expirySec: 30 * 24 * 3600 })
  }

  step(o: Op): void {
    switch (o.do) {
      case 'connect':
        this.#connect(o)
        break
      case 'drop':
        this.client.drop()
        this.#offline()
        break
      case 'drain':
        this.#drain()
        break
      case 'disconnect':
        this.#disconnect(o.reason, o.expirySec)
        break
      case 'pass':
        this.world.pass(o.ms)
        this.#due()
        break
      case 'crash':
        this.watcher.lost()
        this.client.lost()
        this.world.crash()
        this.#offline()
        this.#watch()
    }
    for (let round = 0; round < 4; round++) {
      this.world.settle()
      this.watcher.work()
    }
    expect(this.watcher.seen.map(s => s.text).sort()).toEqual([...this.expected].sort())
  }

  #connect(o: Extract<Op, { do: 'connect' }>): void {
    const { clean, will } = o
    if (o.before === 'abandon') this.client.abandon()
    this.client.drop()
    // 3.1.1: the session ends with the connection, or is kept; no will delay.
    const expirySec = this.version === 5 ? o.expirySec : clean ? 0 : 30 * 24 * 3600
    const delaySec = this.version === 5 ? (will?.delaySec ?? 0) : 0
    const text = `will ${++this.#n}`
    const more = this.version === 5 ? { properties: { willDelayInterval: delaySec } } : {}
    this.#offline()
    if (this.model !== undefined && this.model.heldUntil > this.world.now) this.model.will = undefined
    if (clean || this.model?.over === true) this.#end()
    const present = this.model !== undefined
    this.client.connect({
      clean,
      expirySec,
      ...(will === null ? {} : { will: { topic: 'will', payload: text, qos: will.qos, retain: false, ...more } }),
    })
    expect(this.client.sessionPresent, 'Session Present').toBe(present)
    this.model = {
      expirySec,
      offlineAt: undefined,
      will: will === null ? undefined : { text, delaySec },
      heldUntil: 0,
      over: false,
    }
  }

  /** Everybody is sent away; the watcher comes back at once. */
  #drain(): void {
    const { edge, now } = this.world
    if (this.client.connected && this.model?.will !== undefined)
      this.model.heldUntil = now + DEFAULT_LIMITS.drainWillHoldMs
    edge.sendAway(() => AWAY)
    edge.dismiss(Number.POSITIVE_INFINITY)
    edge.sendAway(undefined)
    this.client.drop()
    this.#offline()
    this.world.settle()
    this.#watch()
  }

  #disconnect(reason: number, expirySec: number | undefined): void {
    const model = this.model
    if (!this.client.connected || model === undefined) return
    const clean = this.version === 4 || reason === 0
    this.client.disconnect(reason, expirySec)
    // A session that was to end with its connection cannot be prolonged: a protocol error, so the will is due.
    const wrong = this.version === 5 && model.expirySec === 0 && (expirySec ?? 0) > 0
    if (clean && !wrong) model.will = undefined
    if (this.version === 5 && expirySec !== undefined && !wrong) model.expirySec = expirySec
    this.#offline()
  }

  #offline(): void {
    if (this.model === undefined || this.model.offlineAt !== undefined) return
    this.model.offlineAt = this.world.now
    this.#due()
  }

  #due(): void {
    const model = this.model
    if (model?.offlineAt === undefined) return
    const forMs = this.world.now - model.offlineAt
    const over = forMs >= model.expirySec * 1000
    if (model.heldUntil > this.world.now && model.will !== undefined) model.over = over
    else if (over) this.#end()
    else if (model.will !== undefined && forMs >= model.will.delaySec * 1000) this.#fire(model)
  }

  #end(): void {
    if (this.model !== undefined) this.#fire(this.model)
    this.model = undefined
  }

  #fire(model: Model): void {
    if (model.will !== undefined) this.expected.push(model.will.text)
    model.will = undefined
  }
}

const versions = fc.constantFrom<(4 | 5)[]>(4, 5)

test('wills and Session Present, with takeovers, delays and expiry [MQTT-3.1.2-8, MQTT-3.1.2-10, MQTT-3.1.3-9, MQTT-3.2.2-2, MQTT-3.14.2-2]', () => {
  fc.assert(
    fc.property(ops, versions, (list, version) => {
      const life = new Life(new World(), version)
      for (const o of list) life.step(o)
      nothingLeft(life.world, [life.watcher, life.client])
    }),
    runs(400),
  )
}, 600_000)

test('the same when the process dies: every connection has ended then', () => {
  fc.assert(
    fc.property(opsWithCrashes, versions, (list, version) => {
      onDisk({}, world => {
        const life = new Life(world, version)
        for (const o of list) life.step(o)
        comeToRest(world, [life.watcher])
        nothingLeft(world, [life.watcher, life.client])
      })
    }),
    runs(40),
  )
}, 600_000)
