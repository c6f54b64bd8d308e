/** What only 3.1 and 3.1.1 do at CONNECT. */
import { closed, expect, frame, type Row, raw, row, send, silence, text } from '../row.ts'
import { alive, bye, connect, join, persistent, pub, sub, V4, V34 } from '../words.ts'

const V3 = { versions: [3] } as const

export const CONNECT_V3: readonly Row[] = [
  row(
    'a 3.1 client (MQIsdp) connects, subscribes and publishes',
    [
      join('a'),
      sub('a', '{t}/x', { qos: 2 }),
      pub('a', '{t}/x', 'payload', { qos: 0 }),
      expect('a', { cmd: 'publish', topic: '{t}/x', payload: 'payload', qos: 0 }),
      bye('a'),
    ],
    V3,
  ),
  row(
    'a 3.1 CONNACK has no Session Present',
    [join('a', persistent()), bye('a'), join('a', persistent(), { sessionPresent: false })],
    V3,
  ),
  row(
    'MQTT with level 3 is refused',
    [
      raw('a', frame(0x10, text('MQTT'), '03', '02', '0000', text('{id}a'))),
      expect('a', { cmd: 'connack', code: 1, sessionPresent: false }),
      closed('a'),
    ],
    V4,
  ),
  row(
    'MQIsdp with level 4 is refused',
    [
      raw('a', frame(0x10, text('MQIsdp'), '04', '02', '0000', text('{id}a'))),
      expect('a', { cmd: 'connack', code: 1, sessionPresent: false }),
      closed('a'),
    ],
    V4,
  ),
  row(
    'the bridge bit in the protocol level is no version of its own',
    [
      raw('a', frame(0x10, text('MQTT'), '84', '02', '0000', text('{id}a'))),
      expect('a', { cmd: 'connack', code: 1, sessionPresent: false }),
      closed('a'),
    ],
    V4,
  ),
  row(
    'a password without user name is malformed [MQTT3-3.1.2-22]',
    [raw('a', frame(0x10, text('MQTT'), '04', '42', '0000', text('{id}a'), text('secret'))), closed('a')],
    V4,
  ),
  row(
    'bytes behind the CONNECT payload are malformed [MQTT3-3.1.4-1]',
    [raw('a', frame(0x10, text('MQTT'), '04', '02', '0000', text('{id}a'), '00')), closed('a')],
    V4,
  ),
  row(
    'a CONNECT that is refused gets a return code and a close, nothing more [MQTT3-3.2.2-4] [MQTT3-3.2.2-5]',
    [
      raw('a', frame(0x10, text('MQTT'), '04', '00', '0000', text(''))),
      raw('a', 'c000'),
      expect('a', { cmd: 'connack', code: 2, sessionPresent: false }),
      closed('a'),
    ],
    V4,
  ),
  row(
    'the client is closed without DISCONNECT, which 3.1.1 servers do not send',
    [
      join('a'),
      connect('a2', { clientId: '{id}a' }),
      closed('a'),
      expect('a2', { cmd: 'connack', code: 0 }),
      alive('a2'),
    ],
    V34,
  ),
  row(
    'subscribing to what is not allowed answers 0x80, never another code [MQTT3-3.9.3-2]',
    [
      join('a'),
      send('a', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '{t}/a#', qos: 2 }] }),
      expect('a', { cmd: 'suback', messageId: 1, granted: [0x80] }),
      silence('a', 50),
    ],
    V34,
  ),
]
