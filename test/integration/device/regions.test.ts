/** The device SDK between regions: lost ones, better ones, and servers that send it elsewhere. One broker behind several relays stands for regions that share their sessions. */
import { describe, expect, test, vi } from 'vitest'
import type { Device } from '../../../device/main.node.ts'
import { type Broker, startMeridian, startMosquitto } from '../../harness/broker.ts'
import { sleep, until } from '../../harness/process.ts'
import { device, ending, endsAfterEachTest, next, relayTo } from './rig.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 40_000 })
endsAfterEachTest()

const meridian = async (): Promise<Broker> => ending(await startMeridian(), each => each.stop())
const mosquitto = async (...lines: string[]): Promise<Broker> =>
  ending(await startMosquitto(['allow_anonymous true', ...lines]), each => each.stop())
/** Named a, b, c; a relay cannot make TCP connections slower to open, so weights make each ten times as far as the one before. */
const regions = (...ways: { port: number }[]) =>
  ways.map(({ port }, index) => ({
    url: `mqtt://127.0.0.1:${port}`,
    region: 'abc'[index]!,
    weight: 100 / 10 ** index,
  }))

describe('a lost region', () => {
  test.each([1, 2] as const)(
    'QoS %s goes on in the next one: none lost, none twice with QoS 2, in order',
    async qos => {
      const broker = await meridian()
      const [a, b] = [await relayTo(broker.tcpPort, 5), await relayTo(broker.tcpPort, 25)]
      const receiver = await device({ endpoints: [`mqtt://127.0.0.1:${broker.tcpPort}`], suppressDuplicates: false })
      const got: number[] = []
      receiver.on('message', message => got.push(Number(message.text())))
      await receiver.subscribe('lost', { qos: 2 })
      const sender = await device({ endpoints: regions(a, b) })
      expect((await next(sender, 'online')).region).toBe('a')
      let n = 0
      let isOver = false
      const sent: Promise<void>[] = []
      const publishing = (async () => {
        while (!isOver) {
          sent.push(sender.publish('lost', String(n++), { qos }))
          await sleep(3)
        }
      })()
      await sleep(300)
      a.cut()
      const cutAt = Date.now()
      const moved = await next(sender, 'region')
      expect(moved).toMatchObject({ from: 'a', to: 'b', because: 'lost' })
      expect(Date.now() - cutAt).toBeLessThan(8000)
      await sleep(300)
      isOver = true
      await publishing
      await Promise.all(sent)
      await until('all of them', 20_000, () => (new Set(got).size === n ? true : undefined))
      expect([...new Set(got)]).toEqual(Array.from({ length: n }, (_, index) => index))
      if (qos === 2) expect(got.length).toBe(n)
    },
  )

  test('a receiver’s subscriptions and waiting messages come along', async () => {
    const broker = await meridian()
    const [a, b] = [await relayTo(broker.tcpPort), await relayTo(broker.tcpPort, 30)]
    const receiver = await device({ endpoints: regions(a, b) })
    const got: string[] = []
    receiver.on('message', message => got.push(message.text()))
    await receiver.subscribe('to/me', { qos: 2 })
    const sender = await device({ endpoints: [`mqtt://127.0.0.1:${broker.tcpPort}`] })
    a.cut()
    for (let n = 0; n < 50; n++) {
      await sender.publish('to/me', String(n), { qos: 2 })
      await sleep(40)
    }
    await until('all of them', 20_000, () => (got.length >= 50 ? true : undefined))
    expect(got).toEqual(Array.from({ length: 50 }, (_, n) => String(n)))
    expect(receiver.region).toBe('b')
  })

  test('the device returns to the preferred region when it is back', async () => {
    const broker = await meridian()
    const [a, b] = [await relayTo(broker.tcpPort, 10), await relayTo(broker.tcpPort)]
    const limits = { reviewMs: 300, avoidMs: 500, backoffBaseMs: 100 }
    const one = await device({ endpoints: regions(a, b), preferRegion: 'a', limits })
    expect((await next(one, 'online')).region).toBe('a')
    a.cut()
    expect(await next(one, 'region')).toMatchObject({ to: 'b', because: 'lost' })
    const back = next(one, 'region')
    a.heal()
    expect(await back).toMatchObject({ to: 'a', because: 'better' })
  })
})

test('from the loss of a region to the first acknowledgement elsewhere, 40 devices, a round trip of 100 ms: p50 at most 3 s, p99 at most 8 s', async () => {
  const broker = await meridian()
  const [a, b] = [await relayTo(broker.tcpPort, 50), await relayTo(broker.tcpPort, 50)]
  const devices = await Promise.all(Array.from({ length: 40 }, () => device({ endpoints: regions(a, b) })))
  await Promise.all(devices.map(each => next(each, 'online')))
  const lost: unknown[] = []
  const publishing = setInterval(() => {
    for (const each of devices) each.publish('t', 'x').catch(error => lost.push(error))
  }, 100)
  await sleep(2000)
  a.cut()
  const cutAt = performance.now()
  const first = async (of: Device): Promise<number> => {
    await next(of, 'region')
    await next(of, 'acknowledged')
    return performance.now() - cutAt
  }
  const times = await Promise.all(devices.map(first))
  clearInterval(publishing)
  await Promise.all(devices.map(each => each.flush()))
  times.sort((x, y) => x - y)
  expect(times[20]).toBeLessThan(3000)
  expect(times[39]).toBeLessThan(8000)
  expect(lost).toEqual([])
})

test('the nearest region is chosen, through its weight', async () => {
  const broker = await meridian()
  const [a, b] = [await relayTo(broker.tcpPort, 20), await relayTo(broker.tcpPort)]
  const [first, second] = regions(a, b)
  const one = await device({ endpoints: [{ ...first!, weight: 1000 }, second!] })
  const two = await device({ endpoints: [first!, { ...second!, weight: 1000 }] })
  const met = await Promise.all([next(one, 'online'), next(two, 'online')])
  expect(met.map(each => each.region)).toEqual(['a', 'b'])
})

test('brokers of their own: a stale session is forgotten, and nothing is lost', async () => {
  const [one, two] = [await mosquitto(), await mosquitto()]
  const [a, b] = [await relayTo(one.tcpPort), await relayTo(two.tcpPort)]
  const limits = { reviewMs: 100_000, avoidMs: 300, backoffBaseMs: 50 }
  const sender = await device({ endpoints: regions(a, b), preferRegion: 'a', sessions: 'separate', limits })
  const got = new Set<string>()
  for (const broker of [one, two]) {
    const receiver = await device({ endpoints: [`mqtt://127.0.0.1:${broker.tcpPort}`] })
    receiver.on('message', message => got.add(message.text()))
    await receiver.subscribe('separate', { qos: 2 })
  }
  const sent: Promise<void>[] = []
  for (let n = 0; n < 300; n++) {
    sent.push(sender.publish('separate', String(n), { qos: 2 }))
    if (n === 100) a.cut()
    if (n === 200) {
      a.heal()
      await next(sender, 'online')
      b.cut()
    }
    await sleep(2)
  }
  await Promise.all(sent)
  await until('all of them', 20_000, () => (got.size === 300 ? true : undefined))
})
