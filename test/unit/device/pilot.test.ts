/** Where a device goes, under a made-up clock: probes, back-off, references, reviews. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endpointOf, type Region } from '../../../device/endpoint.ts'
import { Events } from '../../../device/events.ts'
import { type DeviceLimits, limitsFrom } from '../../../device/limits.ts'
import { Pilot } from '../../../device/pilot.ts'

/** Round trips by host; a host that is not in it refuses, Infinity is silent. */
let rtts: Record<string, number>
let log: string[]
let probes: number
/** Who opens connections and takes nobody. */
let deaf: Set<string>
let pilot: Pilot
let start: number
/** What happens after `dial`; by default CONNACK, and every PINGREQ is answered. */
let onDial: (host: string) => void
let answersPings: boolean

const now = (): number => Math.round(performance.now() - start)
const region = (name: string, more: Partial<Region> = {}): Region => ({
  ...{ name, weight: 1, healthy: true, endpoints: [endpointOf(`mqtt://${name}`)] },
  ...more,
})

function fly(regions: readonly Region[], limits: Partial<DeviceLimits> = {}, preferred?: string): void {
  const events = new Events()
  events.on('online', ({ region }) => log.push(`${now()} online ${region}`))
  events.on('offline', ({ reason }) => log.push(`${now()} offline ${reason}`))
  events.on('region', ({ from, to, because }) => log.push(`${from} → ${to}: ${because}`))
  events.on('warning', ({ code }) => log.push(`${now()} ${code}`))
  const options = {
    limits: limitsFrom({ hysteresisMs: 1, ...limits }),
    random: () => 0.5,
    preferred,
    onLost: () => log.push('lost'),
    probe: ({ host }: { host: string }, signal: AbortSignal) => {
      probes++
      const rtt = rtts[host]
      return new Promise<number>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Too late')))
        if (rtt === undefined) reject(new Error('Refused'))
        else if (rtt !== Number.POSITIVE_INFINITY) setTimeout(() => resolve(rtt), rtt)
      })
    },
  }
  const vehicle = {
    dial: ({ host }: { host: string }) => {
      setTimeout(() => onDial(host))
    },
    drop: () => pilot.closed('dropped'),
    leave: () => pilot.closed('left'),
    ping: () => {
      if (answersPings) setTimeout(() => pilot.pong(), 5)
    },
    knock: ({ host }: { host: string }) => Promise.resolve(!deaf.has(host)),
    quiesce: () => Promise.resolve(),
    bytesOnTheirWay: () => 0,
  }
  pilot = new Pilot(options, vehicle, events)
  pilot.update(regions)
  void pilot.run()
}

beforeEach(() => {
  vi.useFakeTimers()
  start = performance.now()
  ;[rtts, log, probes, deaf, answersPings] = [{}, [], 0, new Set(), true]
  onDial = () => pilot.connected(true)
})
afterEach(() => {
  pilot.stop()
  vi.useRealTimers()
})
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

test('the nearest of those who answer in time', async () => {
  rtts = { far: 90, near: 20, silent: Number.POSITIVE_INFINITY }
  fly([region('silent'), region('far'), region('near')])
  await pass(500)
  // 20 ms for the first answer, then the settle time of 60 ms and half of it, and the dial.
  expect(log).toEqual(['91 online near', 'undefined → near: start'])
})

test('a region that stops answering is left within ping interval and time-out', async () => {
  rtts = { a: 10, b: 50 }
  fly([region('a'), region('b')])
  await pass(1000)
  answersPings = false
  rtts.a = Number.POSITIVE_INFINITY
  const lostAt = now()
  await pass(2500)
  expect(log.slice(2)).toEqual([
    expect.stringMatching(/offline dropped/),
    'lost',
    expect.stringMatching(/online b/),
    'a → b: lost',
  ])
  expect(Number(log.at(-2)!.split(' ')[0]) - lostAt).toBeLessThan(500 + 1000 + 50 + 20)
})

test('a preferred region that accepts connections and is silent is not waited for', async () => {
  rtts = { a: 1, b: 50 }
  fly([region('a'), region('b')], { backoffBaseMs: 0 }, 'a')
  await pass(1000)
  answersPings = false
  onDial = host => {
    answersPings = true
    if (host === 'b') pilot.connected(true)
  }
  await pass(2000)
  expect(log.at(-1)).toBe('a → b: lost')
})

test('with every region away the waits double, and few probes are made', async () => {
  fly([region('a'), region('b')], { backoffBaseMs: 1000, backoffMaxMs: 16_000 })
  await pass(60_000)
  // At 0, 0.5, 1.5, 3.5, 7.5, 15.5, 23.5, … s, each of both.
  expect(probes).toBe(22)
  rtts = { b: 10 }
  await pass(10_000)
  expect(log.at(-1)).toBe('undefined → b: start')
})

test('new regions end the wait', async () => {
  fly([])
  await pass(100_000)
  expect(probes).toBe(0)
  rtts = { a: 1 }
  pilot.update([region('a')])
  await pass(200)
  expect(pilot.region).toBe('a')
})

test('a stable connection that the server ended is made again at once, apart from the crowd', async () => {
  rtts = { a: 10, b: 50 }
  fly([region('a'), region('b')])
  await pass(6000)
  pilot.closed('The server closed')
  await pass(300)
  expect(log.slice(2)).toEqual(['6000 offline The server closed', 'lost', '6151 online a'])
})

test('a server that accepts and closes is not hammered', async () => {
  rtts = { a: 10 }
  let dials = 0
  onDial = () => {
    dials++
    pilot.connected(true)
    setTimeout(() => pilot.closed('The server closed'), 10)
  }
  fly([region('a')])
  await pass(60_000)
  expect(dials).toBeLessThan(10)
})

test.each([1000, 6000])('who is to connect again after %i ms does so there, and at once', async ms => {
  rtts = { a: 50, b: 100 }
  fly([region('a'), region('b')])
  await pass(ms)
  rtts.b = 1
  pilot.dismissed(0x98, undefined)
  pilot.closed('Again')
  await pass(300)
  expect(log.slice(2)).toEqual([`${ms} offline Again`, `${ms + 101} online a`])
})

test('a server that goes on wanting the connection anew is not hammered, and left', async () => {
  rtts = { a: 10, b: 50 }
  const dialled: string[] = []
  onDial = host => {
    dialled.push(host)
    pilot.connected(true)
    if (host === 'b') return
    pilot.dismissed(0x98, undefined)
    pilot.closed('Again')
  }
  fly([region('a'), region('b')])
  await pass(10_000)
  expect(dialled).toEqual(['a', 'a', 'b'])
})

test('wrong credentials wait long', async () => {
  rtts = { a: 10 }
  let dials = 0
  onDial = () => {
    dials++
    pilot.dismissed(0x86, undefined)
    pilot.closed('Refused')
  }
  fly([region('a')], { backoffMaxMs: 10_000 })
  await pass(16_000)
  expect(dials).toBe(3)
  expect(log.filter(line => line.endsWith('connection-refused')).length).toBe(3)
})

describe('Server Reference', () => {
  test('is followed at once, and the sender avoided', async () => {
    rtts = { a: 10, b: 50, c: 30 }
    fly([region('a'), region('b'), region('c')])
    await pass(1000)
    pilot.dismissed(0x9c, 'b')
    pilot.closed('Draining')
    await pass(100)
    expect(log.slice(2)).toEqual(['1000 offline Draining', '1000 online b', 'a → b: reference'])
    pilot.dismissed(0x8b, undefined)
    pilot.closed('Shutting down')
    await pass(1000)
    expect(pilot.region).toBe('c')
  })

  test('of servers that send the device in a circle is followed a few times only', async () => {
    rtts = { a: 10, b: 10 }
    let dials = 0
    onDial = host => {
      dials++
      pilot.dismissed(0x9d, host === 'a' ? 'b' : 'a')
      pilot.closed('Moved')
    }
    fly([region('a'), region('b')])
    await pass(5000)
    expect(log.some(line => line.endsWith('reference-loop'))).toBe(true)
    expect(dials).toBeLessThan(12)
  })

  test('to ever new servers ends after some hops', async () => {
    rtts = { a: 10 }
    const dialled: string[] = []
    onDial = host => {
      dialled.push(host)
      pilot.dismissed(0x9c, `host${dialled.length}`)
      pilot.closed('Moved')
    }
    fly([region('a')], { referenceHops: 3, referenceWindowMs: 30_000 })
    await pass(20_000)
    expect(dialled.slice(0, 5)).toEqual(['a', 'host1', 'host2', 'host3', 'a'])
    expect(dialled.filter(host => host !== 'a').length).toBe(3)
    expect(log.filter(line => line.endsWith('reference-loop')).length).toBe(dialled.length - 3)
  })
})

describe('review', () => {
  test('moves to a region that stays better, not to one that was better once', async () => {
    rtts = { a: 50, b: 100 }
    fly([region('a'), region('b')], { reviewMs: 1000, reviewRounds: 2 })
    await pass(500)
    expect(pilot.region).toBe('a')
    rtts.b = 10
    await pass(1000)
    rtts.b = 100
    await pass(2000)
    expect(pilot.region).toBe('a')
    rtts.b = 10
    await pass(3000)
    expect(log.at(-1)).toBe('a → b: better')
    await pass(10_000)
    expect(log.filter(line => line.includes('→')).length).toBe(2)
  })

  test('returns to the preferred region when it is back', async () => {
    rtts = { b: 10 }
    fly([region('a'), region('b')], { reviewMs: 1000, reviewRounds: 2 }, 'a')
    await pass(2000)
    expect(pilot.region).toBe('b')
    rtts.a = 80
    await pass(8000)
    expect(log.at(-1)).toBe('b → a: better')
  })

  test('leaves no connection that works for a region that takes nobody', async () => {
    rtts = { b: 10 }
    deaf.add('a')
    fly([region('a'), region('b')], { reviewMs: 1000, reviewRounds: 1 }, 'a')
    await pass(500)
    rtts.a = 10
    await pass(100_000)
    expect(log.slice(1)).toEqual(['undefined → b: start'])
    deaf.clear()
    await pass(400_000)
    expect(log.at(-1)).toBe('b → a: better')
  })

  test('leaves a region that discovery calls unhealthy or does not know any more', async () => {
    rtts = { a: 10, b: 50, c: 90 }
    fly([region('a'), region('b')], { reviewMs: 1000, reviewRounds: 1 })
    await pass(500)
    pilot.update([region('a', { healthy: false }), region('b')])
    await pass(2000)
    expect(log.at(-1)).toBe('a → b: better')
    pilot.update([region('c')])
    await pass(2000)
    expect(log.at(-1)).toBe('b → c: better')
  })
})
