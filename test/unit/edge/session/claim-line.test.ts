/** The bound of claims under way and of the line behind them; and what storms of CONNECTs meet. */
import { describe, expect, test } from 'vitest'
import { ClaimLine } from '../../../../edge/session/claim-line.ts'
import { EdgeStats } from '../../../../edge/stats.ts'
import { World } from '../../../simulation/world.ts'
import { Device } from '../device.ts'

const rig = (claimsInFlight: number, claimsWaiting: number) => {
  const stats = new EdgeStats()
  const line = new ClaimLine({ claimsInFlight, claimsWaiting }, stats)
  const begun: string[] = []
  const leaves = new Map<string, () => void>()
  const enter = (name: string, there = true): boolean =>
    line.enter(leave => {
      if (!there) return false
      begun.push(name)
      leaves.set(name, leave)
      return true
    })
  return { stats, line, begun, enter, leave: (name: string) => leaves.get(name)?.() }
}

test('so many at once, then so many in line, then none', () => {
  const { stats, begun, enter, leave } = rig(2, 2)
  expect(['a', 'b', 'c', 'd', 'e'].map(name => enter(name))).toEqual([true, true, true, true, false])
  expect(begun).toEqual(['a', 'b'])
  expect(stats).toMatchObject({ nowClaims: 2, nowClaimsWaiting: 2, claimsShed: 1 })
  leave('b')
  leave('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  leave('a')
  leave('c')
  leave('d')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  expect(stats).toMatchObject({ nowClaims: 0, nowClaimsWaiting: 0, claimsShed: 1 })
})

test('while it is held everybody waits, also when what was under way is lost', () => {
  const { stats, line, begun, enter, leave } = rig(2, 2)
  enter('a')
  line.hold(true)
  expect(['b', 'c', 'd'].map(name => enter(name))).toEqual([true, true, false])
  leave('a')
  line.clear()
  expect(begun).toEqual(['a'])
  expect(stats).toMatchObject({ nowClaims: 0, nowClaimsWaiting: 2 })
  line.hold(false)
  expect(begun).toEqual(['a', 'b', 'c'])
  expect(stats).toMatchObject({ nowClaims: 2, nowClaimsWaiting: 0, claimsShed: 1 })
})

test('clients that have gone take no place, however many', () => {
  const { stats, begun, enter, leave } = rig(1, 100_000)
  enter('a')
  for (let i = 0; i < 50_000; i++) enter('gone', false)
  enter('b')
  leave('a')
  expect(begun).toEqual(['a', 'b'])
  expect(stats).toMatchObject({ nowClaims: 1, nowClaimsWaiting: 0 })
})

test('what was under way when the core was lost does not count any more', () => {
  const { stats, line, begun, enter, leave } = rig(1, 1)
  enter('a')
  enter('b')
  line.clear()
  expect(stats).toMatchObject({ nowClaims: 0, nowClaimsWaiting: 0 })
  enter('c')
  leave('a')
  expect(begun).toEqual(['a', 'c'])
  expect(stats.nowClaims).toBe(1)
})

describe('a storm', () => {
  const limits = { claimsInFlight: 2, claimsWaiting: 3 }

  test.each([4, 5] as const)('is answered at once, either way (version %i)', version => {
    const world = new World({ limits })
    const devices = Array.from({ length: 8 }, (_, i) => new Device(world, version).connect(`c${i}`))
    const refusal = version === 5 ? { reasonCode: 0x9f } : { returnCode: 3 }
    // Before the core has said anything.
    const early = devices.map(device => device.now())
    for (const [i, got] of early.entries()) expect(got).toMatchObject(i < 5 ? [] : [{ cmd: 'connack', ...refusal }])
    const welcome = version === 5 ? { reasonCode: 0 } : { returnCode: 0 }
    for (const device of devices.slice(0, 5)) expect(device.take()).toMatchObject([{ cmd: 'connack', ...welcome }])
    expect(world.stats).toMatchObject({ connectsOk: 5, connectsRefused: 3, claimsShed: 3, nowClaims: 0 })
    expect(world.stats.refusedBy[0x9f]).toBe(3)
  })

  test('who has gone while waiting claims nothing', () => {
    const world = new World({ limits })
    const devices = Array.from({ length: 4 }, (_, i) => new Device(world).connect(`c${i}`))
    devices[2]!.pipe.events!.closed()
    world.settle()
    expect(devices[3]!.take()).toMatchObject([{ reasonCode: 0 }])
    expect(world.coreStats.claims).toBe(3)
    expect(world.stats).toMatchObject({ nowSessions: 3, nowClaimsWaiting: 0 })
  })
})
