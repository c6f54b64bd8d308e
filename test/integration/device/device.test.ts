/** The device SDK against one broker: Mosquitto, and Meridian in one process. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Broker, startMeridian, startMosquitto } from '../../harness/broker.ts'
import { freePort, until } from '../../harness/process.ts'
import { certificate } from '../listen-harness.ts'
import { device, ending, endsAfterEachTest, freshId, next, relayTo } from './rig.ts'

vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })
endsAfterEachTest()

describe.each([
  ['Mosquitto', () => startMosquitto()],
  ['Meridian', () => startMeridian()],
] as const)('%s', (name, start) => {
  const broker = async (): Promise<Broker> => ending(await start(), each => each.stop())
  const url = (of: { tcpPort: number }): string => `mqtt://127.0.0.1:${of.tcpPort}`

  test.each([
    [0, 5],
    [1, 5],
    [2, 5],
    [1, 4],
    [2, 4],
  ] as const)('QoS %s goes round, protocol version %s', async (qos, protocolVersion) => {
    const one = await device({ endpoints: [url(await broker())], protocolVersion })
    expect((await next(one, 'online')).sessionPresent).toBe(false)
    const got: string[] = []
    one.on('message', message => got.push(`${message.topic} ${message.qos} ${message.text()}`))
    expect(await one.subscribe('a/#', { qos })).toBe(qos)
    for (let n = 0; n < 5; n++) await one.publish(`a/${n}`, `${name} ${n}`, { qos })
    await until('five messages', 20_000, () => (got.length === 5 ? true : undefined))
    expect(got.sort()).toEqual([0, 1, 2, 3, 4].map(n => `a/${n} ${qos} ${name} ${n}`))
    expect(one.stats()).toMatchObject({ isOnline: true, outboxMessages: 0, outboxBytes: 0, received: 5 })
  })

  test.each([1, 2] as const)(
    '500 messages with QoS %s through lost connections: each once acknowledged, in order, none lost',
    async qos => {
      const at = await broker()
      const way = await relayTo(at.tcpPort, 2)
      const receiver = await device({ endpoints: [url(at)], suppressDuplicates: false })
      const got: number[] = []
      receiver.on('message', message => got.push(Number(message.text())))
      await receiver.subscribe('many', { qos: 2 })
      const sender = await device({ endpoints: [`mqtt://127.0.0.1:${way.port}`], limits: { backoffBaseMs: 20 } })
      const sent: Promise<void>[] = []
      for (let n = 0; n < 500; n++) sent.push(sender.publish('many', String(n), { qos }))
      for (let loss = 0; loss < 4; loss++) {
        const before = sender.stats().acknowledged
        await until('progress', 20_000, () => (sender.stats().acknowledged > before + 10 ? true : undefined))
        way.heal()
      }
      await Promise.all(sent)
      await until('all of them', 20_000, () => (new Set(got).size === 500 ? true : undefined))
      const firsts = [...new Set(got)]
      expect(firsts).toEqual(Array.from({ length: 500 }, (_, n) => n))
      if (qos === 2) expect(got.length).toBe(500)
      expect(sender.stats().acknowledged).toBe(500)
      expect(sender.stats().connects).toBeGreaterThan(2)
    },
  )

  test('a session of before goes on; a new one is asked for what was subscribed', async () => {
    const at = await broker()
    const way = await relayTo(at.tcpPort)
    const one = await device({ endpoints: [`mqtt://127.0.0.1:${way.port}`], limits: { backoffBaseMs: 20 } })
    await one.subscribe('kept')
    const back = next(one, 'online')
    way.heal()
    expect((await back).sessionPresent).toBe(true)
    const other = ending(await start(), each => each.stop())
    const elsewhere = next(one, 'online')
    way.leadTo(other.tcpPort)
    way.heal()
    expect((await elsewhere).sessionPresent).toBe(false)
    const message = next(one, 'message')
    await one.publish('kept', 'here again')
    expect((await message).text()).toBe('here again')
  })

  test('duplicates with the same message id are not given out', async () => {
    const at = await broker()
    const one = await device({ endpoints: [url(at)], messageIds: true })
    const got: string[] = []
    one.on('message', message => got.push(message.text()))
    await one.subscribe('a/b')
    await one.publish('a/b', 'first')
    await one.publish('a/b', 'copy', { properties: { userProperties: { mid: 'x' } } })
    const plain = await device({ endpoints: [url(at)] })
    for (let n = 0; n < 3; n++) await plain.publish('a/b', 'again', { properties: { userProperties: { mid: 'y' } } })
    await plain.publish('a/b', 'last')
    await until('the last one', 20_000, () => (got.includes('last') ? true : undefined))
    expect(got).toEqual(['first', 'copy', 'again', 'last'])
    expect(one.stats().duplicates).toBe(2)
  })

  test('a will is not sent when a device moves or closes, and is when it is lost', async () => {
    const at = await broker()
    const watcher = await device({ endpoints: [url(at)] })
    const wills: string[] = []
    watcher.on('message', message => wills.push(message.text()))
    await watcher.subscribe('will')
    const way = await relayTo(at.tcpPort)
    const will = (payload: string) => ({ topic: 'will', payload, qos: 1 as const })
    const polite = await device({ endpoints: [url(at)], clientId: freshId(), will: will('polite') })
    const lost = await device({ endpoints: [`mqtt://127.0.0.1:${way.port}`], will: will('lost') })
    await Promise.all([next(polite, 'online'), next(lost, 'online')])
    await polite.close()
    await way.close()
    await until('the will', 20_000, () => (wills.length > 0 ? true : undefined))
    expect(wills).toEqual(['lost'])
  })
})

describe('other transports, Meridian', () => {
  let folderOfKeys = ''
  let broker: Broker
  beforeAll(async () => {
    folderOfKeys = mkdtempSync(join(tmpdir(), 'meridian-device-tls-'))
    certificate(folderOfKeys, 'ca', 'Test CA')
    certificate(folderOfKeys, 'server', 'localhost', 'ca')
    const [certFile, keyFile] = ['server.crt', 'server.key'].map(name => join(folderOfKeys, name))
    const listener = { host: '127.0.0.1', port: 0, certFile, keyFile }
    broker = await startMeridian({
      config: {
        listeners: [
          { kind: 'tls', ...listener },
          { kind: 'wss', ...listener },
        ],
      },
    })
  })
  afterAll(async () => {
    await broker.stop()
    rmSync(folderOfKeys, { recursive: true, force: true })
  })

  const portOf = (kind: string): number => {
    const port = new RegExp(`"kind":"${kind}"[^}]*"port":(\\d+)`).exec(broker.output())?.[1]
    if (port === undefined) throw new Error(`No listener '${kind}' in:\n${broker.output()}`)
    return Number(port)
  }

  test.each([
    ['ws', () => broker.wsUrl],
    ['mqtts', () => `mqtts://localhost:${portOf('tls')}`],
    ['wss', () => `wss://localhost:${portOf('wss')}/mqtt`],
  ] as const)('%s: a message with every property goes round', async (_, url) => {
    const one = await device({ endpoints: [url()], ca: readFileSync(join(folderOfKeys, 'ca.crt')) })
    await one.subscribe('t', { qos: 2, subscriptionIdentifier: 5 })
    const message = next(one, 'message')
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      responseTopic: 'answers',
      correlationData: Uint8Array.of(0, 1, 255),
      userProperties: { a: ['1', '2'], b: 'ü' },
      contentType: 'text/plain',
    }
    await one.publish('t', 'x', { qos: 2, properties })
    const { properties: got } = await message
    expect(got).toMatchObject({ ...properties, correlationData: expect.anything(), subscriptionIdentifier: 5 })
    expect(Uint8Array.from(got.correlationData!)).toEqual(properties.correlationData)
  })

  test('a certificate of nobody we know is refused, with a warning', async () => {
    const one = await device({ endpoints: [`mqtts://localhost:${portOf('tls')}`] })
    expect((await next(one, 'warning')).message).toMatch(/^No connection to mqtts:\/\/localhost:\d+: .*certificate/)
  })
})

test('without a broker: why, and what close leaves open', async () => {
  const at = `mqtt://127.0.0.1:${await freePort()}`
  const one = await device({ endpoints: [at] })
  expect(await next(one, 'warning')).toEqual({
    code: 'unreachable',
    message: `No region can be reached: ${at}: connect ECONNREFUSED ${at.slice('mqtt://'.length)}`,
  })
  const published = one.publish('a', 'b')
  const flushed = one.flush()
  await one.close()
  await expect(published).rejects.toMatchObject({ code: 'closed' })
  void one.unsubscribe('a')
  await expect(one.unsubscribe('a')).rejects.toMatchObject({ code: 'closed' })
  await expect(flushed).rejects.toMatchObject({ code: 'closed', message: 'Messages not acknowledged before close: 1' })
})

test.each([
  ['mqtts', { key: 'no key', cert: 'no certificate' }, /PEM/],
  ['ws', {}, /Unexpected server response: 404/],
] as const)('%s: what MQTT.js or a server says is in the warning, and close works', async (scheme, options, text) => {
  const server = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending(server, async each => each.close())
  const { port } = server.address() as AddressInfo
  const one = await device({ endpoints: [`${scheme}://127.0.0.1:${port}`], ...options })
  expect((await next(one, 'warning')).message).toMatch(text)
  await one.close()
})

test('what is no MQTT ends the connection at once', async () => {
  const server = createTcpServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.write(Uint8Array.of(0x20, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending(server, async each => each.close())
  const { port } = server.address() as AddressInfo
  const one = await device({ endpoints: [`mqtt://127.0.0.1:${port}`], limits: { pingIntervalMs: 60_000 } })
  expect((await next(one, 'offline')).reason).toMatch(/^Invalid header/)
})
