/** A drain: what clients are told, at which pace they go, and what becomes of their wills. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Drain } from '../../../edge/drain.ts'
import { type Region, Regions } from '../../../edge/region/regions.ts'
import { World } from '../../simulation/world.ts'
import { Device, type Got, gauges, kept, payloads } from './device.ts'

const EU = { name: 'eu', weight: 1, endpoints: ['mqtt://eu:1883'] }
const US = { name: 'us', weight: 1, endpoints: ['mqtt://us:1884'] }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function rig(regions: readonly Region[] = [EU, US], limits: { drainClientsPerSec?: number; drainMs?: number } = {}) {
  const world = new World()
  const drain = new Drain({
    edge: world.edge,
    regions: new Regions('eu', regions),
    limits: { drainClientsPerSec: 200, drainMs: 60_000, ...limits },
    now: () => world.now,
  })
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i += 10) {
      world.now += 10
      vi.advanceTimersByTime(10)
      world.settle()
    }
  }
  return { world, drain, pass }
}

describe('what clients are told [MQTT5 4.11]', () => {
  test('those of 5.0 where to go; those of 3.1.1 nothing', () => {
    const { world, drain, pass } = rig()
    const five = new Device(world).join('five')
    const four = new Device(world, 4).join('four')
    drain.begin(false)
    pass(50)
    expect(five.take()).toMatchObject([
      { cmd: 'disconnect', reasonCode: 0x9c, properties: { serverReference: 'us:1884' } },
    ])
    expect(four.take()).toEqual([])
    expect([five.ended, four.ended]).toEqual([true, true])
    expect(new Device(world).connect('six').take()).toMatchObject([
      { cmd: 'connack', reasonCode: 0x9c, sessionPresent: false, properties: { serverReference: 'us:1884' } },
    ])
    expect(new Device(world, 4).connect('seven').take()).toMatchObject([{ cmd: 'connack', returnCode: 3 }])
    expect(world.stats).toMatchObject({ sentAway: 2, connectsRefused: 2, nowSessions: 0, nowDraining: 1 })
    expect([world.stats.closedBy[0x9c], world.stats.refusedBy[0x9c]]).toEqual([2, 2])
    drain.close()
  })

  test('that it is for good', () => {
    const { world, drain, pass } = rig()
    const device = new Device(world).join('a')
    drain.begin(true)
    pass(50)
    expect(device.take()).toMatchObject([{ reasonCode: 0x9d, properties: { serverReference: 'us:1884' } }])
    drain.close()
  })

  test('without another region, that the server goes: 0x8B, and 0x88 in CONNACK', () => {
    const { world, drain, pass } = rig([])
    const device = new Device(world).join('a')
    drain.begin(false)
    pass(50)
    const [farewell] = device.take()
    expect(farewell).toMatchObject({ reasonCode: 0x8b })
    expect(farewell?.properties?.serverReference).toBeUndefined()
    expect(new Device(world).connect('b').take()).toMatchObject([{ cmd: 'connack', reasonCode: 0x88 }])
    drain.close()
  })

  test('no more than fits into a packet of theirs [MQTT-3.1.2-24]', () => {
    const far = 'a-long-name.us.example'
    const { world, drain, pass } = rig([EU, { ...US, endpoints: [`mqtt://${far}`] }])
    const briefly = ({ reasonCode, properties }: Got) => ({ reasonCode, ...properties })
    const brief = (maximumPacketSize: number) => ({ properties: { maximumPacketSize } })
    const [some, none] = [new Device(world).join('a', brief(40)), new Device(world).join('b', brief(20))]
    drain.begin(false)
    pass(50)
    const serverReference = `${far}:1883`
    const bare = [{ reasonCode: 0x9c }]
    expect(some.take()).toMatchObject([{ reasonCode: 0x9c, properties: { serverReference } }])
    expect(none.take().map(briefly)).toEqual(bare)
    expect(new Device(world).connect('c', brief(40)).take()).toMatchObject([{ properties: { serverReference } }])
    expect(new Device(world).connect('d', brief(20)).take().map(briefly)).toEqual(bare)
    drain.close()
  })
})

describe('pace', () => {
  const crowd = (world: World, n: number) => Array.from({ length: n }, (_, i) => new Device(world).join(`c${i}`))

  test('so many per second, the oldest first, until nobody is left', async () => {
    const { world, drain, pass } = rig([EU, US], { drainClientsPerSec: 20 })
    const devices = crowd(world, 100)
    let done = false
    void drain.finish().then(() => {
      done = true
    })
    pass(2_000)
    const gone = devices.filter(device => device.ended).length
    expect(gone).toBeGreaterThanOrEqual(38)
    expect(gone).toBeLessThanOrEqual(46)
    expect(devices.findIndex(device => !device.ended)).toBe(gone)
    pass(3_200)
    await vi.advanceTimersByTimeAsync(0)
    expect([done, world.stats.nowSessions, drain.on]).toEqual([true, 0, true])
    drain.close()
  })

  test('faster if it would take too long otherwise; then everybody at once', async () => {
    const { world, drain, pass } = rig([EU, US], { drainClientsPerSec: 1, drainMs: 1_000 })
    crowd(world, 100)
    drain.begin(false)
    pass(500)
    expect(world.stats.nowSessions).toBeGreaterThan(20)
    expect(world.stats.nowSessions).toBeLessThan(60)
    pass(600)
    expect(world.stats.nowSessions).toBe(0)
    await drain.finish()
    drain.close()
  })

  test('it can be taken back: who is still here stays, and others are let in', () => {
    const { world, drain, pass } = rig([EU, US], { drainClientsPerSec: 20 })
    crowd(world, 40)
    drain.begin(false)
    pass(1_000)
    drain.undo()
    const left = world.stats.nowSessions
    expect(left).toBeGreaterThan(10)
    pass(5_000)
    new Device(world).join('new')
    expect(world.stats).toMatchObject({ nowSessions: left + 1, nowDraining: 0 })
    expect(drain.on).toBe(false)
  })
})

describe('wills', () => {
  const will = { topic: 'w', payload: 'gone', qos: 1, retain: false }

  test.each([4, 5] as const)('are held, and nobody is declared lost who comes back (version %i)', version => {
    const { world, drain, pass } = rig()
    const watcher = new Device(world).join('watcher', { will: undefined })
    watcher.sub('w', 1)
    const leaving = [
      new Device(world, version).join('kept', { ...kept(version), will }),
      new Device(world, version).join('clean', { will }),
      new Device(world, version).join('lost', { will }),
    ]
    drain.begin(false)
    pass(100)
    expect(leaving.map(device => device.ended)).toEqual([true, true, true])
    drain.undo()
    const back = new Device(world).join('watcher2')
    back.sub('w', 1)
    const resumed = new Device(world, version).connect('kept', kept(version)).take()
    expect(resumed).toMatchObject([{ sessionPresent: true }])
    expect(new Device(world, version).connect('clean', { clean: true }).take()).toMatchObject([
      { sessionPresent: false },
    ])
    for (let i = 0; i < 29; i++) world.pass(1_000)
    expect(payloads(back.take())).toEqual([])
    world.pass(2_000)
    expect(payloads(back.take())).toEqual(['gone'])
    world.pass(60_000)
    expect(payloads(back.take())).toEqual([])
  })

  test('nothing is left behind', () => {
    const { world, drain, pass } = rig()
    new Device(world).join('a', { will })
    new Device(world).join('b', kept()).sub('t', 1)
    drain.begin(false)
    pass(100)
    drain.undo()
    world.pass(40_000)
    expect(gauges(world.stats)).toEqual({})
    expect(world.coreStats).toMatchObject({ nowSessions: 1, willsPublished: 1, willsHeld: 1 })
  })
})
