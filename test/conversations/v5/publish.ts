/** PUBLISH of 5.0: properties, expiry, topic aliases, reason codes, flow control. */
import { absent, between, oneOf, save } from '../match.ts'
import { closed, expect, frame, props, type Row, raw, row, silence, text, wait } from '../row.ts'
import { ack, alive, bye, got, join, message, persistent, pub, sub, V5 } from '../words.ts'

/** A PUBLISH with this property forwarded as it came. */
const forwarded = (name: string, properties: Readonly<Record<string, unknown>>): Row =>
  row(
    name,
    [
      join('b'),
      sub('b', '{t}/x', { qos: 2 }),
      join('a'),
      ...([0, 1, 2] as const).map(qos => [
        pub('a', '{t}/x', 'payload', { qos, properties }),
        got('b', '{t}/x', 'payload', { qos, properties }),
      ]),
    ],
    V5,
  )

const PROPERTIES: readonly Row[] = [
  forwarded('Payload Format Indicator is forwarded [MQTT-3.3.2-4]', { payloadFormatIndicator: true }),
  forwarded('Content Type is forwarded [MQTT-3.3.2-19] [MQTT-3.3.2-20]', {
    contentType: 'application/json; charset=é',
  }),
  forwarded('Response Topic is forwarded [MQTT-3.3.2-13] [MQTT-3.3.2-15]', { responseTopic: 'answers/{t}' }),
  forwarded('Correlation Data is forwarded [MQTT-3.3.2-16]', { correlationData: Buffer.from([0, 255, 1, 2]) }),
  forwarded('User Properties are forwarded in their order [MQTT-3.3.2-17] [MQTT-3.3.2-18]', {
    userProperties: { z: '1', a: '2', m: '3', 'with space': '' },
  }),
  forwarded('a User Property may repeat [MQTT-3.3.2-17]', { userProperties: { k: ['1', '2', '1'] } }),
  forwarded('all forwardable properties together', {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers/{t}',
    correlationData: Buffer.from('c'),
    userProperties: { k: 'v' },
  }),
  row(
    'properties of a retained message are kept with it [MQTT-3.3.2-17] [MQTT-3.3.2-20]',
    [
      join('a'),
      pub('a', '{t}/x', 'kept', {
        qos: 1,
        retain: true,
        properties: {
          contentType: 'text/plain',
          userProperties: { b: '1', a: '2' },
          correlationData: Buffer.from('c'),
        },
      }),
      join('b'),
      sub('b', '{t}/x', { qos: 1 }),
      got('b', '{t}/x', 'kept', {
        qos: 1,
        retain: true,
        properties: {
          contentType: 'text/plain',
          userProperties: { b: '1', a: '2' },
          correlationData: Buffer.from('c'),
        },
      }),
    ],
    V5,
  ),
  row(
    'properties of a waiting message are kept with it [MQTT-3.3.2-17]',
    [
      join('b', persistent()),
      sub('b', '{t}/x', { qos: 2 }),
      bye('b'),
      join('a'),
      pub('a', '{t}/x', 'payload', {
        qos: 2,
        properties: { responseTopic: 'r/{t}', userProperties: { b: '1', a: '2' } },
      }),
      join('b', persistent(), { sessionPresent: true }),
      got('b', '{t}/x', 'payload', {
        qos: 2,
        properties: { responseTopic: 'r/{t}', userProperties: { b: '1', a: '2' } },
      }),
    ],
    V5,
  ),
  row(
    'a 3.1.1 subscriber gets the message without properties',
    [
      join('b', { protocolVersion: 4 }),
      sub('b', '{t}/x', { qos: 1 }),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 1, properties: { contentType: 'text/plain', messageExpiryInterval: 60 } }),
      got('b', '{t}/x', 'payload', { qos: 1, properties: absent }),
    ],
    V5,
  ),
  row(
    'request and response: the answer goes to the response topic with the correlation data',
    [
      join('server'),
      sub('server', '{t}/requests', { qos: 1 }),
      join('client'),
      sub('client', '{t}/answers', { qos: 1 }),
      pub('client', '{t}/requests', 'question', {
        qos: 1,
        properties: { responseTopic: '{t}/answers', correlationData: Buffer.from('42') },
      }),
      got('server', '{t}/requests', 'question', {
        qos: 1,
        properties: { responseTopic: '{t}/answers', correlationData: Buffer.from('42') },
      }),
      pub('server', '{t}/answers', 'answer', { qos: 1, properties: { correlationData: Buffer.from('42') } }),
      got('client', '{t}/answers', 'answer', { qos: 1, properties: { correlationData: Buffer.from('42') } }),
    ],
    V5,
  ),
]

const EXPIRY: readonly Row[] = [
  row(
    'Message Expiry Interval is forwarded, whole, to who is there [MQTT-3.3.2-6]',
    [
      join('b'),
      sub('b', '{t}/x', { qos: 1 }),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 1, properties: { messageExpiryInterval: 100 } }),
      got('b', '{t}/x', 'payload', { qos: 1, properties: { messageExpiryInterval: between(99, 100) } }),
    ],
    V5,
  ),
  row(
    'a message that waited is forwarded with what remains of its interval [MQTT-3.3.2-6]',
    [
      join('b', persistent()),
      sub('b', '{t}/x', { qos: 1 }),
      bye('b'),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 1, properties: { messageExpiryInterval: 100 } }),
      wait(2100),
      join('b', persistent(), { sessionPresent: true }),
      got('b', '{t}/x', 'payload', { qos: 1, properties: { messageExpiryInterval: between(95, 98) } }),
    ],
    V5,
  ),
  row(
    'a waiting message is gone when its interval has passed [MQTT-3.3.2-5]',
    [
      join('b', persistent()),
      sub('b', '{t}/x', { qos: 1 }),
      bye('b'),
      join('a'),
      pub('a', '{t}/x', 'short', { qos: 1, properties: { messageExpiryInterval: 1 } }),
      pub('a', '{t}/x', 'long', { qos: 1, properties: { messageExpiryInterval: 100 } }),
      wait(2200),
      join('b', persistent(), { sessionPresent: true }),
      got('b', '{t}/x', 'long', { qos: 1 }),
      silence('b'),
    ],
    V5,
  ),
  row(
    'a retained message is gone when its interval has passed [MQTT-3.3.2-5]',
    [
      join('a'),
      pub('a', '{t}/short', 'short', { qos: 1, retain: true, properties: { messageExpiryInterval: 1 } }),
      pub('a', '{t}/long', 'long', { qos: 1, retain: true, properties: { messageExpiryInterval: 100 } }),
      wait(2200),
      join('b'),
      sub('b', '{t}/+', { qos: 1 }),
      got('b', '{t}/long', 'long', { qos: 1, retain: true, properties: { messageExpiryInterval: between(95, 98) } }),
      silence('b'),
    ],
    V5,
  ),
  row(
    'a message whose sending has begun does not expire [MQTT-4.3.3-7] [MQTT-4.3.3-13]',
    [
      join('b', persistent()),
      sub('b', '{t}/x', { qos: 2 }),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 2, properties: { messageExpiryInterval: 3 } }),
      expect('b', message('{t}/x', 'payload', { qos: 2, messageId: save('b.id') })),
      wait(3500),
      ack('b', 2),
      alive('b'),
    ],
    V5,
  ),
]

const FORBIDDEN: readonly Row[] = [
  ...[
    ['an unknown property in PUBLISH is malformed', '7f 01'],
    ['a property of another packet in PUBLISH is malformed', '11 00000001'],
    ['Payload Format Indicator 2 is refused', '01 02'],
    ['Payload Format Indicator twice is a protocol error', '01 01 01 01'],
    ['Message Expiry Interval twice is a protocol error', '02 00000001 02 00000001'],
    ['Content Type twice is a protocol error', '03 0001 61 03 0001 61'],
    ['Response Topic twice is a protocol error', '08 0001 61 08 0001 61'],
    ['Correlation Data twice is a protocol error', '09 0001 61 09 0001 61'],
    ['Topic Alias twice is a protocol error', '23 0001 23 0001'],
    ['a Subscription Identifier from a client is a protocol error [MQTT-3.3.4-6]', '0b 01'],
    ['Content Type that is no UTF-8 is malformed [MQTT-3.3.2-19]', '03 0002 c328'],
    ['Response Topic that is no UTF-8 is malformed [MQTT-3.3.2-13]', '08 0002 c328'],
    ['a property cut short in PUBLISH is malformed', '02 0000'],
  ].map(([name = '', bytes = '']) =>
    row(
      name,
      [join('a'), raw('a', frame(0x30, text('{t}/x'), props(bytes), '61')), closed('a', oneOf(0x81, 0x82, 0x99))],
      V5,
    ),
  ),
  row(
    'a Response Topic with a wildcard is refused [MQTT-3.3.2-14]',
    [
      join('a'),
      raw('a', frame(0x30, text('{t}/x'), props('08', text('{t}/#')), '61')),
      closed('a', oneOf(0x81, 0x82, 0x90)),
    ],
    V5,
  ),
  row(
    'a property length beyond a PUBLISH is malformed',
    [join('a'), raw('a', frame(0x30, text('{t}/x'), '7f', '61')), closed('a', 0x81)],
    V5,
  ),
  row(
    'a property length that is longer than needed is malformed [MQTT-1.5.5-1]',
    [join('a'), raw('a', frame(0x30, text('{t}/x'), '8000', '61')), closed('a', 0x81)],
    V5,
  ),
  row(
    'a remaining length that is longer than needed is malformed [MQTT-1.5.5-1]',
    [join('a'), raw('a', 'c0 8000'), closed('a', 0x81)],
    V5,
  ),
]

export const PUBLISH_V5: readonly Row[] = [...PROPERTIES, ...EXPIRY, ...FORBIDDEN]
