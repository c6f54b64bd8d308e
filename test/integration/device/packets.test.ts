/** What the SDK sends, packet by packet, to a broker that answers as the test says. */
import { join } from 'node:path'
import type { Packet } from 'mqtt-packet'
import { describe, expect, test, vi } from 'vitest'
import type { ConnectOptions, Device } from '../../../device/main.node.ts'
import { until } from '../../harness/process.ts'
import { ending, endsAfterEachTest, folder, freshId, next, device as started } from './rig.ts'
import { friendly, type Script, type Scripted, scripted } from './scripted.ts'

vi.setConfig({ testTimeout: 20_000 })
endsAfterEachTest()

const broker = async (script: Script): Promise<Scripted> => ending(await scripted(script), each => each.close())
/** Packet ids from 1 on, and the shortest waits. */
const device = (options: Partial<ConnectOptions>): Promise<Device> => started({ ...options, random: () => 0 })
const url = ({ port }: Scripted): string => `mqtt://127.0.0.1:${port}`
const calm = { pingIntervalMs: 60_000, backoffBaseMs: 20, scatterMs: 0 }
const comes = (at: Scripted, what: string, count = 1) =>
  until(what, 15_000, () => (at.came.filter(each => each === what).length >= count ? true : undefined))

describe('in flight through a lost connection', () => {
  /** Lets the second message get to PUBREC and no further. */
  async function lost(sessionPresent: boolean): Promise<{ at: Scripted; sent: Promise<unknown> }> {
    let isSecond = false
    const silent = (packet: Packet): 'none' | undefined => {
      if (isSecond) return undefined
      const isOpen = packet.cmd === 'publish' && packet.messageId !== 2
      return isOpen || packet.cmd === 'pubrel' ? 'none' : undefined
    }
    const script: Script = (packet, ...rest) =>
      friendly({ sessionPresent: isSecond && sessionPresent }, silent)(packet, ...rest)
    const at = await broker(script)
    const one = await device({ endpoints: [url(at)], limits: calm })
    const sent = Promise.all([1, 2, 3].map(n => one.publish('t', String(n), { qos: n === 3 ? 1 : 2 })))
    await comes(at, 'pubrel 2')
    await comes(at, 'publish 3 qos1')
    isSecond = true
    at.came.length = 0
    at.drop()
    return { at, sent }
  }

  test('PUBLISH goes again with DUP, PUBREL without PUBLISH, in order, if the session is there [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-6]', async () => {
    const { at, sent } = await lost(true)
    await sent
    expect(at.came).toEqual(['connect kept', 'publish 1 qos2 dup', 'pubrel 2', 'publish 3 qos1 dup', 'pubrel 1'])
  })

  test('everything is published anew if it is not [MQTT-3.3.1-2]', async () => {
    const { at, sent } = await lost(false)
    await sent
    const [connect, ...rest] = at.came
    expect(connect).toBe('connect kept')
    expect(rest.filter(each => each.startsWith('publish'))).toEqual([
      'publish 1 qos2',
      'publish 2 qos2',
      'publish 3 qos1',
    ])
    expect(rest.filter(each => each.startsWith('pubrel'))).toEqual(['pubrel 1', 'pubrel 2'])
  })

  test('PUBCOMP 0x92 for a PUBREL sent again is no error', async () => {
    let isSecond = false
    const at = await broker((packet, ...rest) =>
      friendly({ sessionPresent: isSecond }, ({ cmd, messageId = 0 }) => {
        if (cmd !== 'pubrel') return undefined
        return isSecond ? { cmd: 'pubcomp', messageId, reasonCode: 0x92 } : 'none'
      })(packet, ...rest),
    )
    const one = await device({ endpoints: [url(at)], limits: calm })
    const sent = one.publish('t', 'x', { qos: 2 })
    await comes(at, 'pubrel 1')
    isSecond = true
    at.drop()
    await sent
  })
})

test('not more on their way than Receive Maximum [MQTT-3.3.4-9]', async () => {
  const at = await broker(
    friendly({ properties: { receiveMaximum: 3 } }, packet => (packet.cmd === 'publish' ? 'none' : undefined)),
  )
  const one = await device({ endpoints: [url(at)], limits: calm })
  for (let n = 0; n < 10; n++) one.publish('t', 'x').catch(() => undefined)
  await comes(at, 'publish 3 qos1')
  at.send({ cmd: 'puback', messageId: 2 })
  await comes(at, 'publish 4 qos1')
  expect(at.came).toEqual(['connect kept', 'publish 1 qos1', 'publish 2 qos1', 'publish 3 qos1', 'publish 4 qos1'])
  expect(one.stats()).toMatchObject({ inFlight: 3, outboxMessages: 9 })
})

test('what the broker does not take is refused here, and does not end the connection', async () => {
  const at = await broker(friendly({ properties: { maximumQoS: 1, maximumPacketSize: 1000 } }))
  const one = await device({ endpoints: [url(at)], limits: calm })
  await expect(one.publish('t', 'x', { qos: 2 })).rejects.toMatchObject({ code: 'refused', reasonCode: 0x9b })
  await expect(one.publish('t', new Uint8Array(1000))).rejects.toMatchObject({ code: 'refused', reasonCode: 0x95 })
  await one.publish('t', 'x')
  expect(one.stats()).toMatchObject({ connects: 1, refused: 2, acknowledged: 1 })
})

test('a message the broker refuses fails, the others go on', async () => {
  const at = await broker(
    friendly({}, ({ cmd, messageId = 0 }) =>
      cmd === 'publish' && messageId === 2 ? { cmd: 'puback', messageId, reasonCode: 0x87 } : undefined,
    ),
  )
  const one = await device({ endpoints: [url(at)], limits: calm })
  const results = await Promise.allSettled([1, 2, 3].map(() => one.publish('t', 'x')))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(results[1]).toMatchObject({ reason: { code: 'refused', reasonCode: 0x87 } })
})

test('a refused subscription is rejected and not asked for again', async () => {
  const at = await broker(
    friendly({}, packet =>
      packet.cmd === 'subscribe' ? { cmd: 'suback', messageId: packet.messageId ?? 0, granted: [0x87] } : undefined,
    ),
  )
  const one = await device({ endpoints: [url(at)], limits: calm })
  await expect(one.subscribe('no')).rejects.toMatchObject({ code: 'refused', reasonCode: 0x87 })
  at.drop()
  await next(one, 'online')
  expect(at.came.filter(each => each.startsWith('subscribe')).length).toBe(1)
})

describe.each([0x9c, 0x9d])('reason code %s with a Server Reference', code => {
  test('in CONNACK leads elsewhere at once', async () => {
    const there = await broker(friendly({}))
    const here = await broker(
      friendly({ reasonCode: code, properties: { serverReference: `127.0.0.1:${there.port}` } }),
    )
    const one = await device({ endpoints: [url(here)], limits: { ...calm, backoffBaseMs: 10_000 } })
    expect(await next(one, 'online')).toMatchObject({ url: url(there), region: `127.0.0.1:${there.port}` })
  })

  test('in DISCONNECT too, and nothing is lost', async () => {
    const there = await broker(friendly({ sessionPresent: true }))
    const here = await broker(friendly({}, packet => (packet.cmd === 'publish' ? 'none' : undefined)))
    const endpoints = [url(here), { url: url(there), region: 'there', weight: 0 }]
    const one = await device({ endpoints, limits: { ...calm, backoffBaseMs: 10_000 } })
    const sent = one.publish('t', 'x')
    await comes(here, 'publish 1 qos1')
    const moved = next(one, 'region', ({ to }) => to === 'there')
    const serverReference = `127.0.0.1:${there.port}`
    here.send({ cmd: 'disconnect', reasonCode: code, properties: { serverReference } })
    expect(await moved).toMatchObject({ because: 'reference' })
    await sent
    expect(there.came).toEqual(['connect kept', 'publish 1 qos1 dup'])
  })
})

test('a reason code of one without a Server Reference is a warning', async () => {
  const here = await broker(friendly({ reasonCode: 0x9d }))
  const { message } = await next(await device({ endpoints: [url(here)] }), 'warning')
  expect(message).toBe(`${url(here)} refused the connection with reason code 0x9d and without a Server Reference`)
})

test('two servers that refer to each other are not followed for ever', async () => {
  const ports: number[] = []
  const refer =
    (index: number): Script =>
    (packet, send) => {
      if (packet.cmd !== 'connect') return
      send({
        ...{ cmd: 'connack', sessionPresent: false, reasonCode: 0x9d },
        properties: { serverReference: `127.0.0.1:${ports[index]}` },
      })
    }
  const pair = [await broker(refer(1)), await broker(refer(0))]
  ports.push(...pair.map(({ port }) => port))
  const one = await device({ endpoints: pair.map(url), limits: { ...calm, backoffBaseMs: 5000 } })
  expect((await next(one, 'warning', ({ code }) => code === 'reference-loop')).message).toMatch(/leads in a circle$/)
  expect(pair[0]!.came.length + pair[1]!.came.length).toBeLessThan(5)
})

test.each([true, false])(
  'QoS 2 that came before a restart is given out at PUBREL after it, if the session is there: %s',
  async sessionPresent => {
    const at = await broker(friendly({ sessionPresent }))
    const options = { endpoints: [url(at)], limits: calm, clientId: freshId(), outbox: join(folder(), 'outbox') }
    const before = await device(options)
    await next(before, 'online')
    at.send({ cmd: 'publish', topic: 'a', payload: 'kept', qos: 2, messageId: 9, dup: false, retain: false })
    await comes(at, 'pubrec 9')
    await before.close()
    const after = await device(options)
    const got: string[] = []
    after.on('message', message => got.push(message.text()))
    await next(after, 'online')
    at.send({ cmd: 'pubrel', messageId: 9 })
    await comes(at, 'pubcomp 9')
    expect(got).toEqual(sessionPresent ? ['kept'] : [])
  },
)

test('a session that was taken over is not fought for', async () => {
  const at = await broker(friendly({}))
  const one = await device({ endpoints: [url(at)], limits: calm })
  await next(one, 'online')
  const warning = next(one, 'warning')
  at.send({ cmd: 'disconnect', reasonCode: 0x8e })
  expect(await warning).toMatchObject({ code: 'session-taken-over' })
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(at.came).toEqual(['connect kept'])
})

test('DISCONNECT at close, after what was said before', async () => {
  const at = await broker(friendly({}))
  const one = await device({ endpoints: [url(at)], limits: calm })
  await one.publish('t', 'x')
  await one.publish('t', 'y', { qos: 0 })
  await one.close()
  expect(at.came).toEqual(['connect kept', 'publish 1 qos1', 'publish qos0', 'disconnect'])
  await expect(one.publish('t', 'z')).rejects.toMatchObject({ code: 'closed' })
})
