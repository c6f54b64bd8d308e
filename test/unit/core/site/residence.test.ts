/** What becomes of a session that has gone to another site, or gone on here: its connection, its will, and what was in flight. */
import { describe, expect, test } from 'vitest'
import type { Message } from '../../../../core/contract/message.ts'
import type { Inflight } from '../../../../core/contract/session.ts'
import { Session } from '../../../../core/session/session.ts'
import { siteClient } from '../../../../core/site/name.ts'
import { Residence, type ResidenceOptions } from '../../../../core/site/residence.ts'
import { client, will } from '../../../integration/redis/records.ts'

const SENT: Inflight = { packetId: 7, state: 'sent', qos: 1, retain: false, message: undefined }

class World {
  readonly kicks: number[] = []
  readonly restored: number[] = []
  readonly rested: Session[] = []
  readonly commits: (() => void)[] = []
  readonly s = new Session(client(1), 0)
  readonly site = new Session(siteClient('us'), 0)
  readonly residence: Residence

  constructor(presence: Session['presence']) {
    const { s } = this
    s.epoch = 5
    s.presence = presence
    s.port = {
      kick: (_client: string, _epoch: number, code: number) => this.kicks.push(code),
    } as unknown as NonNullable<Session['port']>
    const options = {
      sessions: {
        get: (c: string) => [s, this.site].find(one => one.client === c),
        rest: (one: Session) => this.rested.push(one),
        mark() {},
      },
      flights: {
        restore: (_: Session, flights: readonly Inflight[]) => this.restored.push(...flights.map(f => f.packetId)),
      },
      turn: { afterCommit: (fn: () => void) => this.commits.push(fn), call: (fn: () => void) => fn() },
      now: () => 0,
    }
    this.residence = new Residence(options as unknown as ResidenceOptions)
  }

  commit(): void {
    for (const fn of this.commits.splice(0)) fn()
  }

  goOn(inflight: readonly Inflight[]): boolean[] {
    const done: boolean[] = []
    this.residence.goOn(this.s, inflight, isDurable => done.push(isDurable))
    return done
  }
}

describe('another site has it', () => {
  test('a connection that is just being claimed ends behind its claim, unless that was not the last one', () => {
    for (const [epoch, kicked] of [
      [5, [0x8e]],
      [6, []],
    ] as const) {
      const world = new World('claiming')
      world.residence.leave(world.s)
      expect(world.kicks).toEqual([])
      world.s.presence = 'online'
      world.s.epoch = epoch
      world.commit()
      expect(world.kicks).toEqual(kicked)
    }
  })

  test('its connection is taken over, its will is not published, and no deadline is left', () => {
    const { residence, s, kicks, rested } = new World('online')
    s.will = will()
    residence.leave(s)
    expect([s.moved, s.will, kicks, rested]).toEqual([true, undefined, [0x8e], [s]])
  })

  test('without a connection nobody is kicked', () => {
    const { residence, s, kicks } = new World('offline')
    residence.leave(s)
    expect([s.moved, kicks]).toEqual([true, []])
  })
})

describe('what was in flight where it came from', () => {
  test('goes on with the next connection, for which this one ends; it is durable before that is said', () => {
    const world = new World('online')
    const done = world.goOn([SENT])
    expect([world.kicks, world.restored, done]).toEqual([[0x98], [], []])
    world.s.late!()
    expect([world.restored, done, world.s.late]).toEqual([[7], [], undefined])
    world.commit()
    expect(done).toEqual([true])
  })

  test('goes on at once without a connection', () => {
    const world = new World('offline')
    const done = world.goOn([SENT])
    world.commit()
    expect([world.kicks, world.restored, done]).toEqual([[], [7], [true]])
  })

  test('waits for a claim that is not durable yet', () => {
    const world = new World('claiming')
    world.goOn([SENT])
    expect(world.kicks).toEqual([])
    world.s.presence = 'online'
    world.commit()
    expect(world.kicks).toEqual([0x98])
  })

  test('is not wanted any more when the session ends', () => {
    const world = new World('online')
    const done = world.goOn([SENT])
    world.s.presence = 'ended'
    world.s.late!()
    expect([world.restored, done]).toEqual([[], [false]])
  })

  test('is here already, or there is nothing: nobody is disturbed', () => {
    const world = new World('online')
    const flight = {
      state: 'sent',
      qos: 1,
      retain: false,
      message: undefined,
      envelope: undefined,
      recorded: false,
    } as const
    world.s.inflight = new Map([[7, flight]])
    expect([world.goOn([SENT]), world.goOn([]), world.kicks]).toEqual([[true], [true], []])
  })
})

describe('its packet id has another message by now', () => {
  const flight = (packetId: number, n: number | undefined): Inflight => ({
    packetId,
    state: n === undefined ? 'received' : 'sent',
    qos: 2,
    retain: false,
    message: n === undefined ? undefined : ({ origin: 'e', seq: n } as Message),
  })
  const at = (one: Inflight) => ({ ...one, envelope: undefined, recorded: true })

  test('it goes on under one that is free, and nothing that is here is given up', () => {
    const world = new World('online')
    world.s.inflight = new Map([[7, at(flight(7, 1))]])
    const late = [flight(7, 2), flight(8, 3), flight(9, undefined)]
    world.goOn(late)
    world.s.inflight.set(9, at(flight(9, 4)))
    world.s.inflight.set(10, at(flight(10, 5)))
    world.s.late!()
    expect(world.restored).toEqual([11, 8])
  })

  test('it is the same message, or an id alone that waits for PUBCOMP here as well: nobody is disturbed', () => {
    const world = new World('online')
    world.s.inflight = new Map([
      [7, at(flight(7, 1))],
      [8, at(flight(8, undefined))],
    ])
    expect([world.goOn([flight(7, 1), flight(8, undefined)]), world.kicks]).toEqual([[true], []])
  })

  test('what waits for PUBCOMP here was another one', () => {
    const world = new World('online')
    world.s.inflight = new Map([[7, at(flight(7, undefined))]])
    world.goOn([flight(7, 1)])
    world.s.late!()
    expect(world.restored).toEqual([8])
  })
})

test('a site is behind while it is away, or reads what waited for it', () => {
  const { residence, site } = new World('offline')
  const behind = () => residence.isBehind('us')
  expect(behind()).toBe(true)
  site.presence = 'online'
  expect(behind()).toBe(false)
  site.parked = true
  expect([behind(), residence.isBehind('ap')]).toEqual([true, false])
})

describe('who comes from a site waits for what that may have had, and could not say', () => {
  const asked = (presence: Session['presence'], offlineAt: number, isParked = false) => {
    const { residence, site } = new World('offline')
    site.presence = presence
    site.offlineAt = offlineAt
    site.parked = isParked
    let answers = 0
    residence.whenAnswered('us', () => answers++)
    const at = (now: number): number => {
      residence.tick(now)
      return answers
    }
    return { site, at }
  }

  test('while it reads that, and while it was there a moment ago', () => {
    const { site, at } = asked('offline', -1_000)
    expect(at(250)).toBe(0)
    // Not durable yet.
    site.presence = 'claiming'
    site.offlineAt = -10_000
    expect(at(400)).toBe(0)
    site.presence = 'online'
    site.parked = true
    expect(at(500)).toBe(0)
    site.parked = false
    expect([at(750), at(1_000)]).toEqual([1, 1])
  })

  test('not if it is away for longer, nor if it takes longer', () => {
    expect(asked('offline', -4_000).at(250)).toBe(1)
    const { at } = asked('online', 0, true)
    expect([at(3_750), at(4_000)]).toEqual([0, 1])
  })
})
