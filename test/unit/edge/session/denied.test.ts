/** What a client is told that lacks a right: the reason codes of SUBACK, PUBACK and PUBREC. */
import { expect, test } from 'vitest'
import type { EdgeSettings } from '../../../../edge/settings.ts'
import { World } from '../../../simulation/world.ts'
import { Device } from '../device.ts'

/** Clients of a gateway where nobody has a right to `closed`. */
function client(version: 4 | 5, deniedReason?: EdgeSettings['deniedReason']) {
  const authorizer = {
    unrestricted: () => false,
    allows: (_: unknown, __: unknown, topic: string) => topic !== 'closed',
  }
  const settings = deniedReason === undefined ? {} : { deniedReason }
  return new Device(new World({ auth: { authorizer }, settings }), version).join('a')
}

const subscribes = (device: Device) =>
  device
    .send({
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: ['closed', 'open', '#/a'].map(topic => ({ topic, qos: 1 })),
    })
    .take()[0]?.granted
const publishes = (device: Device) =>
  device
    .pub('closed', 'x', { qos: 0 })
    .pub('closed', 'x', { qos: 1, id: 1 })
    .pub('closed', 'x', { qos: 2, id: 2 })
    .pub('$SYS/x', 'x', { qos: 1, id: 3 })
    .take()
    .map(({ cmd, reasonCode }) => [cmd, reasonCode])

test.each([
  ['by default', undefined, 0x87],
  ['as "not-authorized"', 'not-authorized', 0x87],
  ['as "unspecified"', 'unspecified', 0x80],
] as const)('5.0, %s: other reasons stay what they are', (_, deniedReason, code) => {
  const device = client(5, deniedReason)
  expect(subscribes(device)).toEqual([code, 1, 0x8f])
  expect(publishes(device)).toEqual([
    ['puback', code],
    ['pubrec', code],
    ['puback', code],
  ])
})

test.each(['not-authorized', 'unspecified'] as const)(
  '3.1.1 knows one failure, with "%s" too [MQTT3-3.9.3-2]',
  reason => {
    expect(subscribes(client(4, reason))).toEqual([0x80, 1, 0x80])
  },
)
