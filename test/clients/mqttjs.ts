/** MQTT.js 5 over TCP and WebSocket against one build. */
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Broker, type Runtime, startMeridian } from '../harness/broker.ts'

/** Registers the tests for one build. */
export function mqttjs(runtime: Runtime): void {
  vi.setConfig({ testTimeout: 40_000 })

  let broker: Broker

  beforeAll(async () => {
    broker = await startMeridian({ runtime })
  }, 30_000)
  afterAll(() => broker.stop(), 30_000)

  const client = (url: string, options: IClientOptions): Promise<MqttClient> =>
    mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...options })

  /** The next `count` messages, in order. */
  function messages(from: MqttClient, count: number): Promise<readonly { payload: string; packet: IPublishPacket }[]> {
    const got: { payload: string; packet: IPublishPacket }[] = []
    return new Promise(resolve => {
      from.on('message', (_topic, payload, packet) => {
        got.push({ payload: payload.toString(), packet })
        if (got.length === count) resolve(got)
      })
    })
  }

  describe.each([
    ['TCP', () => `mqtt://127.0.0.1:${broker.tcpPort}`],
    ['WebSocket', () => broker.wsUrl],
  ] as const)('MQTT.js over %s', (transport, url) => {
    describe.each([4, 5] as const)('protocol version %s', protocolVersion => {
      const name = (what: string) => `${what}/${transport}/${protocolVersion}`

      test('publishes and subscribes at every QoS, in order', async () => {
        const sub = await client(url(), { protocolVersion })
        const pub = await client(url(), { protocolVersion })
        await sub.subscribeAsync(`${name('qos')}/#`, { qos: 2 })
        for (const qos of [0, 1, 2] as const) {
          const coming = messages(sub, 20)
          for (let n = 0; n < 20; n++) await pub.publishAsync(name('qos'), `${qos}-${n}`, { qos })
          expect((await coming).map(one => one.payload)).toEqual(Array.from({ length: 20 }, (_, n) => `${qos}-${n}`))
        }
        await Promise.all([sub.endAsync(), pub.endAsync()])
      })

      // MQTT.js does not hold back at the broker's Receive Maximum (1024): beyond it, 5.0 has 0x93 for it.
      test('2,000 messages, 500 at once, at QoS 1: none lost', async () => {
        const sub = await client(url(), { protocolVersion })
        const pub = await client(url(), { protocolVersion })
        await sub.subscribeAsync(name('many'), { qos: 1 })
        const coming = messages(sub, 2000)
        for (const start of [0, 500, 1000, 1500]) {
          const batch = Array.from({ length: 500 }, (_, n) => `${start + n}`)
          await Promise.all(batch.map(payload => pub.publishAsync(name('many'), payload, { qos: 1 })))
        }
        expect((await coming).map(one => Number(one.payload))).toEqual(Array.from({ length: 2000 }, (_, n) => n))
        await Promise.all([sub.endAsync(), pub.endAsync()])
      })

      test('a kept session gets what was published while it was away', async () => {
        const session: IClientOptions = {
          protocolVersion,
          clientId: name('session').replaceAll('/', '-'),
          clean: false,
          properties: { sessionExpiryInterval: 60 },
        }
        const first = await client(url(), session)
        await first.subscribeAsync(name('kept'), { qos: 2 })
        await first.endAsync()
        const pub = await client(url(), { protocolVersion })
        for (let n = 0; n < 10; n++) await pub.publishAsync(name('kept'), `${n}`, { qos: 2 })
        const second = mqtt.connect(url(), { reconnectPeriod: 0, ...session })
        const coming = messages(second, 10)
        expect((await coming).map(one => one.payload)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
        await Promise.all([second.endAsync(), pub.endAsync()])
      })

      test('retained messages and wills', async () => {
        const dying = await client(url(), {
          protocolVersion,
          will: { topic: name('will'), payload: Buffer.from('gone'), qos: 1, retain: true },
        })
        dying.stream.destroy()
        const sub = await client(url(), { protocolVersion })
        const coming = messages(sub, 1)
        await sub.subscribeAsync(name('will'), { qos: 1 })
        expect((await coming)[0]?.payload).toBe('gone')
        await sub.endAsync()
      })
    })

    test('request and response with 5.0 properties', async () => {
      const server = await client(url(), { protocolVersion: 5 })
      const asking = await client(url(), { protocolVersion: 5 })
      await server.subscribeAsync(`requests/${transport}`, { qos: 1 })
      await asking.subscribeAsync(`answers/${transport}`, { qos: 1 })
      server.on('message', (_topic, payload, packet) => {
        const { responseTopic, correlationData } = packet.properties ?? {}
        if (responseTopic === undefined || correlationData === undefined) return
        server.publish(responseTopic, `${payload.toString()}!`, { qos: 1, properties: { correlationData } })
      })
      const coming = messages(asking, 1)
      await asking.publishAsync(`requests/${transport}`, 'hello', {
        qos: 1,
        properties: { responseTopic: `answers/${transport}`, correlationData: Buffer.from('7') },
      })
      const [answer] = await coming
      expect(answer?.payload).toBe('hello!')
      expect(answer?.packet.properties?.correlationData?.toString()).toBe('7')
      await Promise.all([server.endAsync(), asking.endAsync()])
    })

    test('topic aliases both ways', async () => {
      const options: IClientOptions = {
        protocolVersion: 5,
        autoAssignTopicAlias: true,
        autoUseTopicAlias: true,
        properties: { topicAliasMaximum: 10 },
      }
      const sub = await client(url(), options)
      const pub = await client(url(), options)
      const topics: string[] = []
      sub.on('message', topic => topics.push(topic))
      await sub.subscribeAsync(`alias/${transport}/#`)
      const coming = messages(sub, 6)
      for (const n of [1, 2, 1, 2, 1, 2]) await pub.publishAsync(`alias/${transport}/${n}`, 'payload', { qos: 1 })
      await coming
      expect(topics).toEqual([1, 2, 1, 2, 1, 2].map(n => `alias/${transport}/${n}`))
      await Promise.all([sub.endAsync(), pub.endAsync()])
    })
  })
}
