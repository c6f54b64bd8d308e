/** Which subscriptions of a session decide about its copy: overlaps, No Local, Retain As Published, identifiers; and that tenants never meet. */
import { describe, expect, test } from 'vitest'
import type { Tenant } from '../../../../core/contract/ids.ts'
import { World } from '../../../simulation/world.ts'
import { Device, kept, payloads } from '../device.ts'

const one = (clientId = 'a', options: object = {}) => new Device(new World()).join(clientId, options)
const identifiers = (properties: Readonly<Record<string, unknown>> | undefined) =>
  [properties?.subscriptionIdentifier].flat()

describe('overlapping subscriptions give one copy', () => {
  test('with the highest QoS of them [MQTT-3.3.4-2]', () => {
    const device = one()
    device.sub('a/+', 1)
    device.sub('a/#', 0)
    device.sub('a/b', 2)
    expect(device.pub('a/b', 'x', { qos: 2, id: 1 }).take()).toMatchObject([
      { cmd: 'publish', qos: 2 },
      { cmd: 'pubrec' },
    ])
  })

  test('with all their identifiers [MQTT-3.3.4-3] [MQTT-3.3.4-4]', () => {
    const device = one()
    device.sub('a/+', 0, { id: 1 })
    device.sub('a/#', 0, { id: 200 })
    device.sub('b', 0, { id: 3 })
    device.sub('a/b', 0)
    const [got] = device.pub('a/b', 'x').take()
    expect(identifiers(got?.properties).sort()).toEqual([1, 200])
  })

  test('for the own messages only what has no No Local counts [MQTT-3.8.3-3]', () => {
    const device = one()
    const other = new Device(device.world).join('other')
    device.sub('a/#', 2, { nl: true, id: 1, rap: true })
    device.sub('a/b', 1, { id: 2 })
    const [own] = device.pub('a/b', 'x', { qos: 2, id: 1, retain: true }).take()
    expect(own).toMatchObject({ cmd: 'publish', qos: 1, retain: false })
    expect(identifiers(own?.properties)).toEqual([2])
    expect(payloads(device.pub('a/c', 'x').take())).toEqual([])
    other.pub('a/b', 'y', { qos: 2, retain: true })
    const [foreign] = device.take().filter(p => p.payload === 'y')
    expect(foreign).toMatchObject({ qos: 2, retain: true })
    expect(identifiers(foreign?.properties).sort()).toEqual([1, 2])
  })
})

test('Retain As Published keeps RETAIN, else it is 0 [MQTT-3.3.1-12] [MQTT-3.3.1-13]', () => {
  const device = one()
  device.sub('rap', 0, { rap: true })
  device.sub('not', 0)
  device.pub('rap', '1', { retain: true }).pub('rap', '2').pub('not', '3', { retain: true })
  expect(device.take().map(p => p.retain)).toEqual([true, false, false])
})

describe('SUBSCRIBE again', () => {
  test('replaces options and identifier [MQTT-3.8.4-3]', () => {
    const device = one()
    device.sub('t', 0, { id: 1, nl: true })
    device.sub('t', 1, { id: 2 })
    const [got] = device.pub('t', 'x', { qos: 1, id: 1 }).take()
    expect(got).toMatchObject({ cmd: 'publish', qos: 1 })
    expect(identifiers(got?.properties)).toEqual([2])
    device.sub('t', 0)
    expect(device.pub('t', 'x').take()[0]?.properties?.subscriptionIdentifier).toBeUndefined()
    expect(device.world.stats.nowSubscriptions).toBe(1)
  })

  test.each([
    [0, ['r'], ['r']],
    [1, ['r'], []],
    [2, [], []],
  ] as const)('Retain Handling %d [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]', (rh, first, second) => {
    const device = one('a', kept())
    device.pub('t', 'r', { retain: true }).take()
    expect(payloads(device.sub('t', 0, { rh }))).toEqual(first)
    expect(payloads(device.sub('t', 0, { rh }))).toEqual(second)
    device.drop()
    const again = new Device(device.world).join('a', kept())
    expect(payloads(again.sub('t', 0, { rh }))).toEqual(second)
  })
})

test('retained messages that are no longer asked for when SUBACK goes out do not come', () => {
  const device = one()
  device.pub('t', 'r', { retain: true }).take()
  device.send(device.subscribe('t', 0), { cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['t'] })
  expect(device.take().map(p => p.cmd)).toEqual(['suback', 'unsuback'])
})

test('a message stays within its tenant', () => {
  const world = new World({
    auth: {
      authenticator: {
        name: 'by-user',
        authenticate: ({ username }) => ({ do: 'accept', username, tenant: (username ?? '') as Tenant }),
      },
    },
  })
  const join = (username: string | undefined, id: string) => {
    const device = new Device(world).join(id, username === undefined ? {} : { username })
    device.sub('t', 0)
    device.sub('$share/g/s', 0)
    return device
  }
  const [red, blue, none] = [join('red', 'a'), join('blue', 'a'), join(undefined, 'a')]
  red.pub('t', '1').pub('s', '2').pub('$p2p/a/x', '3')
  expect(payloads(red.take())).toEqual(['1', '2', '3'])
  expect(payloads(blue.take())).toEqual([])
  expect(payloads(none.take())).toEqual([])
  red.drop()
  blue.pub('t', '4')
  expect(payloads(blue.take())).toEqual(['4'])
})

test('remembered topics are counted, at the edge and in the core, up to limits.routeCacheTopics', () => {
  const world = new World({ limits: { routeCacheTopics: 10 } })
  const device = new Device(world).join('a')
  const other = new Device(world).join('b')
  device.sub('a/#', 0)
  other.sub('a/1', 0)
  for (const n of [1, 2, 3]) device.pub(`a/${n}`, 'x').take()
  device.pub('nobody', 'x').take()
  expect(world.stats.nowCachedTopics).toBe(3)
  expect(world.coreStats.nowCachedTopics).toBe(4)
  for (let n = 4; n < 100; n++) device.pub(`a/${n}`, 'x').take()
  expect(world.stats.nowCachedTopics).toBeLessThanOrEqual(10)
  expect(world.coreStats.nowCachedTopics).toBeLessThanOrEqual(10)
  other.drop()
  device.drop()
  expect(world.stats.nowCachedTopics).toBe(0)
})
