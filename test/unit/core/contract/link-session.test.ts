/** Frames of a link session over a connection that breaks: everything once and in order, within bounds, and nothing impossible is believed. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FRAME_BYTES, LinkSession, MAX_FRAME_BYTES } from '../../../../core/contract/link/session.ts'
import { LinkStats } from '../../../../core/contract/link/stats.ts'
import type { LinkTransport } from '../../../../core/contract/link/transport.ts'

const LIMITS = { linkHeartbeatMs: 1000, linkRecordBytes: 4 * FRAME_BYTES }

class End implements LinkTransport {
  readonly bufferedBytes = 0
  sent: Uint8Array[] = []

  send(bytes: Uint8Array): void {
    this.sent.push(bytes)
  }

  close(): void {}
}

/** A session, and what it was given to read. */
class Side {
  readonly stats = new LinkStats()
  readonly got: number[] = []
  end = new End()
  readonly session = new LinkSession({ limits: LIMITS, stats: this.stats, read: records => this.got.push(...records) })

  say(...bytes: number[]): void {
    for (const byte of bytes) this.session.out.u8(byte)
    this.session.flush()
  }
}

const join = (a: Side, b: Side): void => {
  a.end = new End()
  b.end = new End()
  const [fromA, fromB] = [a.session.received, b.session.received]
  expect(a.session.connect(a.end, fromB, 0)).toBe(true)
  expect(b.session.connect(b.end, fromA, 0)).toBe(true)
}

/** Brings the first `n` of what `from` has sent. */
const carry = (from: Side, to: Side, n = Number.POSITIVE_INFINITY): void => {
  for (const bytes of from.end.sent.splice(0, n)) to.session.frame(bytes, 0)
}

test('whatever is lost with the connection comes again, once and in order', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('say' as const), who: fc.nat(1), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('carry' as const), who: fc.nat(1), count: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ do: fc.constant('break' as const) }),
    fc.record({ do: fc.constant('tick' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const sides = [new Side(), new Side()] as const
      const said: number[][] = [[], []]
      let n = 0
      join(sides[0], sides[1])
      for (const s of steps)
        if (s.do === 'say')
          for (let i = 0; i < s.count; i++) {
            said[s.who]!.push(++n % 256)
            sides[s.who]!.say(n % 256)
          }
        else if (s.do === 'carry') carry(sides[s.who]!, sides[1 - s.who]!, s.count)
        else if (s.do === 'tick') for (const { session } of sides) expect(session.tick(1000)).toBe(true)
        else {
          for (const { session } of sides) session.disconnect()
          join(sides[0], sides[1])
        }
      for (let i = 0; i < 3; i++) {
        carry(sides[0], sides[1])
        carry(sides[1], sides[0])
        for (const { session } of sides) session.tick(1000)
      }
      expect([sides[1].got, sides[0].got]).toEqual(said)
      for (const { session, stats } of sides) {
        expect(session.idle).toBe(true)
        expect(stats.nowUnackedBytes).toBe(0)
      }
    }),
  )
})

test('what is longer than a frame is cut, and put together again', () => {
  const [a, b] = [new Side(), new Side()]
  join(a, b)
  const long = Uint8Array.from({ length: 3 * FRAME_BYTES + 7 }, (_, i) => i % 251)
  let whole: Uint8Array | undefined
  const reader = new LinkSession({ limits: LIMITS, stats: b.stats, read: records => (whole = records) })
  reader.connect(b.end, 0, 0)
  a.session.out.blob(long)
  a.session.flush()
  expect(a.end.sent.length).toBe(4)
  expect(Math.max(...a.end.sent.map(bytes => bytes.length))).toBeLessThanOrEqual(MAX_FRAME_BYTES)
  for (const bytes of a.end.sent) reader.frame(bytes, 0)
  expect(whole?.subarray(-long.length)).toEqual(long)
  const tooLong = new Uint8Array(LIMITS.linkRecordBytes)
  a.session.out.blob(tooLong)
  a.session.flush()
  expect(() => {
    for (const bytes of a.end.sent.slice(4)) reader.frame(bytes, 0)
  }).toThrow('Record of more than')
})

test('counts what is not acknowledged, and acknowledges much at once without being asked', () => {
  const [a, b] = [new Side(), new Side()]
  join(a, b)
  for (let i = 0; i < 3; i++) {
    a.session.out.blob(new Uint8Array(100_000))
    a.session.flush()
  }
  expect(a.session.unackedBytes).toBeGreaterThan(300_000)
  carry(a, b)
  expect(b.end.sent.length).toBe(1)
  carry(b, a)
  expect(a.session.unackedBytes).toBeLessThan(101_000)
  a.session.end()
  expect(a.stats.nowUnackedBytes).toBe(0)
})

test('is heard once a heartbeat, and dead after three without a word, but not because it slept itself', () => {
  const [a, b] = [new Side(), new Side()]
  join(a, b)
  for (let now = 250; now <= 1000; now += 250) expect(a.session.tick(now)).toBe(true)
  expect(a.end.sent.length).toBe(1)
  for (let now = 1250; now <= 3000; now += 250) expect(a.session.tick(now)).toBe(true)
  expect(a.session.tick(3250)).toBe(false)
  expect(b.session.tick(60_000), 'after a long sleep').toBe(true)
  expect(b.session.tick(60_250)).toBe(true)
})

test('frames that cannot be are refused', () => {
  const side = new Side()
  side.session.connect(side.end, 0, 0)
  expect(() => side.session.frame(Uint8Array.of(2, 9), 0), 'acknowledges what was not sent').toThrow(
    'acknowledges 9 of 0',
  )
  expect(() => side.session.frame(Uint8Array.of(6, 0), 0), 'leaves one out').toThrow('Frame 3 came after frame 0')
  expect(() => side.session.frame(new Uint8Array(0), 0)).toThrow(RangeError)
  expect(side.session.connect(side.end, 5, 0), 'the other end has what was not sent').toBe(false)
  side.session.frame(Uint8Array.of(2, 0, 7), 0)
  side.session.frame(Uint8Array.of(2, 0, 7), 0)
  expect(side.got, 'the same frame twice').toEqual([7])
})
