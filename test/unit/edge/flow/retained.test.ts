/** Retained messages that a device has no room for yet. */
import { expect, test } from 'vitest'
import { World } from '../../../simulation/world.ts'
import { Device, publishes } from '../device.ts'

const slow = { clean: false, properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 } }

test.each(['while it goes on', 'until it comes back'])('keep RETAIN for a kept session %s [MQTT-3.3.1-8]', when => {
  const world = new World()
  const from = new Device(world).join('from')
  for (const topic of ['r/1', 'r/2', 'r/3']) from.pub(topic, 'kept', { qos: 1, retain: true })
  let to = new Device(world).join('to', slow)
  const seen = publishes(to.sub('r/#', 1))
  from.pub('r/1', 'live', { qos: 1, retain: true })
  world.pass(6000)
  if (when === 'until it comes back') {
    to.drop()
    to = new Device(world).join('to', slow)
  }
  for (let waiting = seen; waiting.length > 0; ) {
    for (const { messageId } of waiting) to.ack('puback', messageId!)
    waiting = publishes(to.take()).filter(p => p.dup === false)
    seen.push(...waiting)
  }
  expect(seen.map(({ topic, retain }) => `${topic} ${retain}`)).toEqual([
    'r/1 true',
    'r/2 true',
    'r/3 true',
    'r/1 false',
  ])
})
