/** mosquitto_pub and mosquitto_sub against one build, both versions. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Broker, type Runtime, startMeridian } from '../harness/broker.ts'
import { mosquittoPub, mosquittoSub, subscribed, subscriber } from './command.ts'

/** Registers the tests for one build. */
export function mosquitto(runtime: Runtime): void {
  vi.setConfig({ testTimeout: 40_000 })

  let broker: Broker
  let port = 0

  beforeAll(async () => {
    broker = await startMeridian({ runtime })
    port = broker.tcpPort
  }, 30_000)
  afterAll(() => broker.stop(), 30_000)

  describe.each(['311', '5'])('mosquitto_pub and mosquitto_sub, -V %s', version => {
    const V = ['-V', version === '5' ? '5' : 'mqttv311']

    test.each(['0', '1', '2'])('a subscriber of a/# gets what is published at QoS %s', async qos => {
      const topic = `plain/${version}/${qos}`
      const sub = await mosquittoSub(port, ...V, '-t', `${topic}/#`, '-q', '2', '-C', '2', '-F', '%q %t %p')
      await mosquittoPub(port, ...V, '-t', `${topic}/one`, '-q', qos, '-m', 'first')
      await mosquittoPub(port, ...V, '-t', `${topic}/two`, '-q', qos, '-m', 'second')
      expect(await sub.lines()).toEqual([`${qos} ${topic}/one first`, `${qos} ${topic}/two second`])
    })

    test('a retained message comes with RETAIN 1, and goes when it is emptied', async () => {
      const topic = `retained/${version}`
      await mosquittoPub(port, ...V, '-t', topic, '-q', '1', '-r', '-m', 'kept')
      const sub = await mosquittoSub(port, ...V, '-t', topic, '-C', '1', '-F', '%r %p')
      expect(await sub.lines()).toEqual(['1 kept'])
      await mosquittoPub(port, ...V, '-t', topic, '-q', '1', '-r', '-n')
      const late = await mosquittoSub(port, ...V, '-t', topic, '-C', '1', '-F', '%r %p')
      await mosquittoPub(port, ...V, '-t', topic, '-m', 'live')
      expect(await late.lines()).toEqual(['0 live'])
    })

    test('a will is published when the client is killed', async () => {
      const topic = `will/${version}`
      const sub = await mosquittoSub(port, ...V, '-t', topic, '-C', '1', '-F', '%p')
      const will = ['--will-topic', topic, '--will-payload', 'gone', '--will-qos', '1']
      const dying = subscriber(port, ...V, '-t', `nothing/${version}`, ...will)
      await subscribed(dying)
      await dying.end('SIGKILL')
      expect(await sub.lines()).toEqual(['gone'])
    })

    test('messages wait for a session that is kept', async () => {
      const topic = `kept/${version}`
      const session = ['-i', `kept-${version}`, '-c', ...V, ...(version === '5' ? ['-x', '60'] : [])]
      const first = await mosquittoSub(port, ...session, '-t', topic, '-q', '2')
      await first.end()
      for (const n of [1, 2, 3]) await mosquittoPub(port, ...V, '-t', topic, '-q', '2', '-m', `${n}`)
      const second = await mosquittoSub(port, ...session, '-t', topic, '-q', '2', '-C', '3', '-F', '%p')
      expect(await second.lines()).toEqual(['1', '2', '3'])
    })

    test('a shared group gets each message once', async () => {
      const topic = `shared/${version}`
      const members = await Promise.all(
        [1, 2].map(() => mosquittoSub(port, ...V, '-t', `$share/group/${topic}`, '-q', '1', '-C', '3', '-F', '%p')),
      )
      for (const n of [1, 2, 3, 4, 5, 6]) await mosquittoPub(port, ...V, '-t', topic, '-q', '1', '-m', `${n}`)
      const lines = await Promise.all(members.map(member => member.lines()))
      expect(lines.flat().sort()).toEqual(['1', '2', '3', '4', '5', '6'])
    })

    test('a payload of 100 KB passes', async () => {
      const topic = `large/${version}`
      const sub = await mosquittoSub(port, ...V, '-t', topic, '-q', '1', '-C', '1', '-F', '%l')
      await mosquittoPub(port, ...V, '-t', topic, '-q', '1', '-m', 'x'.repeat(100_000))
      expect(await sub.lines()).toEqual(['100000'])
    })
  })

  test('properties of 5.0 pass from mosquitto_pub to mosquitto_sub', async () => {
    const sub = await mosquittoSub(port, '-V', '5', '-t', 'props', '-C', '1', '-F', '%C|%R|%D|%P|%p')
    await mosquittoPub(
      port,
      ...['-V', '5', '-t', 'props', '-m', 'payload'],
      ...['-D', 'publish', 'content-type', 'text/plain', '-D', 'publish', 'response-topic', 'answers'],
      ...['-D', 'publish', 'correlation-data', '42', '-D', 'publish', 'user-property', 'key', 'value'],
    )
    expect(await sub.lines()).toEqual(['text/plain|answers|42|key:value|payload'])
  })
}
