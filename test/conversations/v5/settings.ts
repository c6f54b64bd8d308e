/** What the settings of the profiles `limits`, `restricted` and `options` change on the wire of 5.0. */
import { absent, oneOf, pattern } from '../match.ts'
import {
  closed,
  drop,
  expect,
  type Fields,
  frame,
  props,
  type Row,
  type RowOptions,
  raw,
  rejected,
  row,
  send,
  text,
  wait,
} from '../row.ts'
import { alive, bye, connect, got, join, persistent, pub, publish, sub } from '../words.ts'

const LIMITS: RowOptions = { profile: 'limits', versions: [5] }
const RESTRICTED: RowOptions = { profile: 'restricted', versions: [5] }
const OPTIONS: RowOptions = { profile: 'options', versions: [5] }
const OPTIONS_BOTH: RowOptions = { profile: 'options' }

const LIMIT_ROWS: readonly Row[] = [
  row(
    'CONNACK tells the limits: Receive Maximum, Maximum Packet Size, Topic Alias Maximum',
    [join('a', {}, { properties: { receiveMaximum: 5, maximumPacketSize: 2000, topicAliasMaximum: 3 } })],
    LIMITS,
  ),
  row(
    'a longer keep alive is replaced by the server’s [MQTT-3.2.2-21]',
    [join('a', { keepalive: 120 }, { properties: { serverKeepAlive: 60 } })],
    LIMITS,
  ),
  row(
    'no keep alive is replaced by the server’s',
    [join('a', { keepalive: 0 }, { properties: { serverKeepAlive: 60 } })],
    LIMITS,
  ),
  row(
    'a shorter keep alive stays [MQTT-3.2.2-22]',
    [join('a', { keepalive: 30 }, { properties: { serverKeepAlive: absent } })],
    LIMITS,
  ),
  row(
    'a longer session expiry is cut, and CONNACK says so',
    [
      join(
        'a',
        { clean: true, properties: { sessionExpiryInterval: 3600 } },
        { properties: { sessionExpiryInterval: 2 } },
      ),
      bye('a'),
      wait(4200),
      join('a', { clean: false, properties: { sessionExpiryInterval: 2 } }, { sessionPresent: false }),
    ],
    LIMITS,
  ),
  row(
    'a session expiry at DISCONNECT is cut, too',
    [
      join('a', { clean: true, properties: { sessionExpiryInterval: 1 } }),
      bye('a', { properties: { sessionExpiryInterval: 3600 } }),
      wait(4200),
      join('a', { clean: false, properties: { sessionExpiryInterval: 2 } }, { sessionPresent: false }),
    ],
    LIMITS,
  ),
  row(
    'more than Receive Maximum unreleased QoS 2 messages: 0x93 (CVE-2023-28366, GHSA-5jvp-3p2v-5qgf) [MQTT-3.3.4-7]',
    [
      join('a'),
      ...[1, 2, 3, 4, 5].map(messageId => send('a', publish('{t}/x', 'payload', { qos: 2, messageId }))),
      ...[1, 2, 3, 4, 5].map(messageId => expect('a', { cmd: 'pubrec', messageId })),
      send('a', publish('{t}/x', 'payload', { qos: 2, messageId: 6 })),
      closed('a', 0x93),
    ],
    LIMITS,
  ),
  row(
    'released QoS 2 messages make room again',
    [
      join('a'),
      ...[1, 2, 3, 4, 5, 6, 7].map(messageId => pub('a', '{t}/x', 'payload', { qos: 2, messageId })),
      alive('a'),
    ],
    LIMITS,
  ),
  row(
    'a repeated QoS 2 PUBLISH does not count twice [MQTT-4.3.3-10]',
    [
      join('a'),
      ...[1, 2, 3, 4, 5].map(messageId => send('a', publish('{t}/x', 'payload', { qos: 2, messageId }))),
      ...[1, 2, 3, 4, 5].map(messageId => expect('a', { cmd: 'pubrec', messageId })),
      send('a', publish('{t}/x', 'payload', { qos: 2, messageId: 5, dup: true })),
      expect('a', { cmd: 'pubrec', messageId: 5 }),
      alive('a'),
    ],
    LIMITS,
  ),
  row(
    'a topic alias above the server’s maximum: 0x94 [MQTT-3.3.2-9] [MQTT-3.2.2-17]',
    [
      join('a'),
      pub('a', '{t}/x', 'payload', { properties: { topicAlias: 3 } }),
      alive('a'),
      raw('a', frame(0x30, text('{t}/x'), props('23 0004'), '61')),
      closed('a', 0x94),
    ],
    LIMITS,
  ),
  row(
    'a message beyond the limit by its properties: 0x95 [MQTT-3.2.2-15]',
    [
      join('a'),
      send('a', publish('{t}/x', 'x', { properties: { userProperties: { k: 'v'.repeat(2100) } } })),
      closed('a', 0x95),
    ],
    LIMITS,
  ),
]

const subscribe = (topic: string): Fields => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic, qos: 0, nl: false, rap: false, rh: 0 }],
})

const RESTRICTED_ROWS: readonly Row[] = [
  row(
    'CONNACK tells what is not supported [MQTT-3.2.2-9]',
    [
      join(
        'a',
        {},
        {
          properties: {
            maximumQoS: 1,
            retainAvailable: false,
            wildcardSubscriptionAvailable: false,
            sharedSubscriptionAvailable: false,
            subscriptionIdentifiersAvailable: false,
            topicAliasMaximum: oneOf({ check: 'absent' }, 0),
          },
        },
      ),
    ],
    RESTRICTED,
  ),
  row(
    'a PUBLISH above Maximum QoS: 0x9B [MQTT-3.2.2-11]',
    [join('a'), send('a', publish('{t}/x', 'payload', { qos: 2, messageId: 1 })), closed('a', 0x9b)],
    RESTRICTED,
  ),
  row(
    'SUBSCRIBE with a higher QoS is taken, at the maximum [MQTT-3.2.2-10]',
    [
      join('a'),
      sub('a', '{t}/x', { qos: 2, granted: 1 }),
      pub('a', '{t}/x', 'payload', { qos: 1 }),
      expect('a', { cmd: 'publish', topic: '{t}/x', qos: 1 }),
    ],
    RESTRICTED,
  ),
  row(
    'a will above Maximum QoS is refused with 0x9B [MQTT-3.2.2-12]',
    [connect('a', { will: { topic: '{t}/w', payload: 'w', qos: 2, retain: false } }), rejected('a', 0x9b)],
    RESTRICTED,
  ),
  row(
    'a will with retain is refused with 0x9A [MQTT-3.2.2-13]',
    [connect('a', { will: { topic: '{t}/w', payload: 'w', qos: 0, retain: true } }), rejected('a', 0x9a)],
    RESTRICTED,
  ),
  row(
    'a PUBLISH with retain: 0x9A [MQTT-3.2.2-14]',
    [join('a'), send('a', publish('{t}/x', 'payload', { qos: 0, retain: true })), closed('a', 0x9a)],
    RESTRICTED,
  ),
  row('a wildcard subscription: 0xA2', [join('a'), send('a', subscribe('{t}/#')), closed('a', 0xa2)], RESTRICTED),
  row(
    'a wildcard subscription of 3.1.1 where there are none: refused [MQTT3-3.8.3-2]',
    [join('a'), sub('a', '{t}/#', { granted: 0x80 }), sub('a', '{t}/x', { qos: 2, granted: 1 })],
    { profile: 'restricted', versions: [4] },
  ),
  row('a shared subscription: 0x9E', [join('a'), send('a', subscribe('$share/g/{t}')), closed('a', 0x9e)], RESTRICTED),
  row(
    'a subscription identifier: 0xA1',
    [join('a'), send('a', { ...subscribe('{t}/x'), properties: { subscriptionIdentifier: 1 } }), closed('a', 0xa1)],
    RESTRICTED,
  ),
  row(
    'any topic alias where none is granted: 0x94 [MQTT-3.2.2-18]',
    [join('a'), raw('a', frame(0x30, text('{t}/x'), props('23 0001'), '61')), closed('a', 0x94)],
    RESTRICTED,
  ),
]

const OPTION_ROWS: readonly Row[] = [
  row(
    'a payload that is not what its format says: 0x99',
    [
      join('a'),
      raw('a', frame(0x32, text('{t}/x'), '0001', props('01 01'), 'c328')),
      expect('a', { cmd: 'puback', messageId: 1, code: 0x99 }),
      alive('a'),
      raw('a', frame(0x34, text('{t}/x'), '0002', props('01 01'), 'c328')),
      expect('a', { cmd: 'pubrec', messageId: 2, code: 0x99 }),
    ],
    OPTIONS,
  ),
  row(
    'a payload that is what its format says passes the check [MQTT-3.3.2-4]',
    [
      join('b'),
      sub('b', '{t}/x'),
      join('a'),
      pub('a', '{t}/x', 'grüß', { properties: { payloadFormatIndicator: true } }),
      got('b', '{t}/x', 'grüß', { properties: { payloadFormatIndicator: true } }),
    ],
    OPTIONS,
  ),
  row(
    'bytes without a format are not checked',
    [
      join('b'),
      sub('b', '{t}/x'),
      join('a'),
      pub('a', '{t}/x', Buffer.from([0xc3, 0x28])),
      got('b', '{t}/x', Buffer.from([0xc3, 0x28])),
    ],
    OPTIONS,
  ),
  row(
    'Response Information if it is asked for [MQTT-3.1.2-28]',
    [
      join(
        'a',
        { properties: { requestResponseInformation: true } },
        { properties: { responseInformation: pattern('^answers/') } },
      ),
      join('b', {}, { properties: { responseInformation: absent } }),
    ],
    OPTIONS,
  ),
  row(
    'QoS 0 messages wait where the setting says so',
    [
      join('a', persistent()),
      sub('a', '{t}/x', { qos: 1 }),
      drop('a'),
      wait(100),
      join('b'),
      pub('b', '{t}/x', 'zero', { qos: 0 }),
      pub('b', '{t}/x', 'one', { qos: 1 }),
      join('a', persistent(), { sessionPresent: true }),
      got('a', '{t}/x', 'zero', { qos: 0 }),
      got('a', '{t}/x', 'one', { qos: 1 }),
    ],
    OPTIONS_BOTH,
  ),
  row(
    '$SYS is published again and again',
    [
      join('b'),
      sub('b', '$SYS/#', { rh: 2 }),
      expect('b', { cmd: 'publish', topic: pattern('^\\$SYS/') }),
      wait(1200),
      expect('b', { cmd: 'publish', topic: pattern('^\\$SYS/') }),
    ],
    OPTIONS,
  ),
]

export const SETTINGS_V5: readonly Row[] = [...LIMIT_ROWS, ...RESTRICTED_ROWS, ...OPTION_ROWS]
