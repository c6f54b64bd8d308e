/** DISCONNECT of 5.0 both ways, reason strings and Request Problem Information. */
import { absent, between, oneOf } from '../match.ts'
import { closed, expect, frame, props, type Row, raw, row, send, text } from '../row.ts'
import { alive, bye, join, publish, sub, V5 } from '../words.ts'

/** Codes a client may send [MQTT5 table 3.10]. */
const CLIENT_CODES = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]

export const DISCONNECT_V5: readonly Row[] = [
  ...CLIENT_CODES.map(reasonCode =>
    row(
      `DISCONNECT 0x${reasonCode.toString(16).padStart(2, '0')} from a client closes the connection [MQTT-3.14.2-1]`,
      [join('a'), bye('a', { reasonCode })],
      V5,
    ),
  ),
  row('DISCONNECT without a reason code is 0x00', [join('a'), raw('a', 'e000'), closed('a')], V5),
  row('DISCONNECT with a reason code and no properties', [join('a'), raw('a', 'e001 00'), closed('a')], V5),
  row(
    'DISCONNECT with a reason string and user properties',
    [join('a'), bye('a', { reasonCode: 0, properties: { reasonString: 'good night', userProperties: { a: 'b' } } })],
    V5,
  ),
  row(
    'DISCONNECT with an unknown reason code is refused [MQTT-3.14.2-1]',
    [join('a'), raw('a', 'e002 42 00'), closed('a', oneOf(0x81, 0x82))],
    V5,
  ),
  row(
    'DISCONNECT with a reason code of servers is refused [MQTT-3.14.2-1]',
    [join('a'), raw('a', 'e002 8e 00'), closed('a', oneOf(0x81, 0x82))],
    V5,
  ),
  row(
    'DISCONNECT with an unknown property is refused',
    [join('a'), raw('a', frame(0xe0, '00', props('21 0005'))), closed('a', oneOf(0x81, 0x82))],
    V5,
  ),
  row(
    'DISCONNECT with Session Expiry Interval twice is refused',
    [
      join('a', { properties: { sessionExpiryInterval: 5 } }),
      raw('a', frame(0xe0, '00', props('11 00000001 11 00000001'))),
      closed('a', oneOf(0x81, 0x82)),
    ],
    V5,
  ),
  row(
    'the server’s DISCONNECT has no Session Expiry Interval and is the last packet [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1]',
    [
      join('a', { properties: { sessionExpiryInterval: 60 } }),
      join('a2', { clientId: '{id}a', properties: { sessionExpiryInterval: 60 } }),
      expect('a', {
        cmd: 'disconnect',
        code: 0x8e,
        properties: oneOf({ check: 'absent' }, { sessionExpiryInterval: absent }),
      }),
      closed('a'),
    ],
    V5,
  ),
  row(
    'the server sends no DISCONNECT before CONNACK [MQTT-3.14.0-1]',
    [raw('a', frame(0x30, text('{t}/x'), '00')), closed('a'), raw('b', 'e000'), closed('b')],
    V5,
  ),
  row(
    'with Request Problem Information 0 there are no reason strings and user properties but in CONNACK and DISCONNECT [MQTT-3.1.2-29]',
    [
      join('a', { properties: { requestProblemInformation: false } }),
      send('a', {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: '{t}/a#', qos: 0, nl: false, rap: false, rh: 0 }],
      }),
      expect('a', {
        cmd: 'suback',
        messageId: 1,
        granted: [0x8f],
        properties: oneOf({ check: 'absent' }, { reasonString: absent, userProperties: absent }),
      }),
      send('a', publish('{t}/none', 'payload', { qos: 1, messageId: 2 })),
      expect('a', {
        cmd: 'puback',
        messageId: 2,
        properties: oneOf({ check: 'absent' }, { reasonString: absent, userProperties: absent }),
      }),
      send('a', { cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['{t}/none'] }),
      expect('a', {
        cmd: 'unsuback',
        messageId: 3,
        properties: oneOf({ check: 'absent' }, { reasonString: absent, userProperties: absent }),
      }),
      send('a', { cmd: 'pubrel', messageId: 999 }),
      expect('a', {
        cmd: 'pubcomp',
        messageId: 999,
        properties: oneOf({ check: 'absent' }, { reasonString: absent, userProperties: absent }),
      }),
    ],
    V5,
  ),
  row(
    'answers fit a small Maximum Packet Size [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]',
    [
      join('a', { properties: { maximumPacketSize: 24 } }),
      send('a', {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: '{t}/a#', qos: 0, nl: false, rap: false, rh: 0 }],
      }),
      expect('a', {
        cmd: 'suback',
        messageId: 1,
        granted: [0x8f],
        length: between(0, 22),
      }),
      send('a', publish('{t}/none', 'payload', { qos: 1, messageId: 2 })),
      expect('a', { cmd: 'puback', messageId: 2, length: between(0, 22) }),
      send('a', { cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['{t}/none'] }),
      expect('a', { cmd: 'unsuback', messageId: 3, length: between(0, 22) }),
      raw('a', '0000'),
      expect('a', { cmd: 'disconnect', length: between(0, 22) }),
      closed('a'),
    ],
    V5,
  ),
  row(
    'what is refused in SUBACK and UNSUBACK leaves the connection alone',
    [join('a'), sub('a', '{t}/#/x', { granted: 0x8f }), alive('a')],
    V5,
  ),
]
