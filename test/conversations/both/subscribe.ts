/** SUBSCRIBE, UNSUBSCRIBE and topic matching, as far as 3.1.1 and 5.0 agree. */
import { oneOf, save, use } from '../match.ts'
import { drop, expect, on3, on5, type Row, row, send, silence } from '../row.ts'
import { ALL, alive, bye, got, join, message, persistent, pub, sub, unsub } from '../words.ts'

/** Filter, topics it matches, topics it does not; after `{t}/`. */
const MATCHING: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['a/b/c', ['a/b/c'], ['a/b', 'a/b/c/d', 'A/b/c', 'a/b/c/']],
  ['a/#', ['a', 'a/', 'a/b', 'a/b/c'], ['b', 'ab', '/a']],
  ['#', ['a', 'a/b', '/', ''], []],
  ['+/b', ['a/b', '/b', 'x/b'], ['b', 'a/b/c', 'a/c']],
  ['a/+', ['a/b', 'a/'], ['a', 'a/b/c']],
  ['a/+/c', ['a/b/c', 'a//c'], ['a/c', 'a/b/b/c', 'a/b/d']],
  ['+/+', ['a/b', '/', 'a/', '/b'], ['a', 'a/b/c']],
  ['/+', ['/a', '/'], ['a', 'a/b', '//']],
  ['+', ['a', 'finance'], ['a/b', '/a', 'a/']],
  ['+/#', ['a', 'a/b', 'a/b/c', '/'], []],
  ['a//b', ['a//b'], ['a/b', 'a/x/b']],
  ['$a/b', ['$a/b'], ['a/b']],
  ['a/$b/+', ['a/$b/c'], ['a/b/c']],
  [
    'sport/tennis/player1/#',
    ['sport/tennis/player1', 'sport/tennis/player1/score/wimbledon'],
    ['sport/tennis/player2'],
  ],
]

/** A QoS 0 message after the ones that must not come shows that they did not. */
const matchRows = MATCHING.map(([filter, matched, others]) =>
  row(
    `filter '${filter}' matches what it should and nothing else [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-3.3.2-3] [MQTT3-3.3.2-3] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]`,
    [
      join('b'),
      sub('b', `{t}/${filter}`),
      sub('b', '{t}-end'),
      join('a'),
      ...others.map(topic => pub('a', `{t}/${topic}`, 'must not come')),
      ...matched.map(topic => pub('a', `{t}/${topic}`, topic)),
      pub('a', '{t}-end', 'end'),
      ...matched.map(topic => got('b', `{t}/${topic}`, topic)),
      got('b', '{t}-end', 'end'),
    ],
  ),
)

const BAD_FILTERS = ['{t}/#/b', '{t}/a#', '{t}/a+', '{t}/+a/b', '{t}/##', '{t}/++']

const badFilterRows = BAD_FILTERS.map(filter =>
  row(`filter '${filter.slice(4)}' is refused [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]`, [
    join('a'),
    send('a', { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: filter, qos: 0 }] }),
    on3(expect('a', { cmd: 'suback', messageId: 7, granted: [0x80] })),
    on5(expect('a', { cmd: 'suback', messageId: 7, granted: [0x8f] })),
    alive('a'),
  ]),
)

const OTHERS: readonly Row[] = [
  row(
    'SUBACK carries the packet id of the SUBSCRIBE [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6] [MQTT3-3.8.4-1] [MQTT3-3.8.4-2] [MQTT3-2.3.1-7]',
    [join('a'), ...[1, 65535].map(messageId => sub('a', '{t}/x', { messageId }))],
    ALL,
  ),
  row(
    'SUBACK has one code per filter, in their order, the granted QoS [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT3-3.8.4-4] [MQTT3-3.8.4-5] [MQTT3-3.9.3-1]',
    [
      join('a'),
      send('a', {
        cmd: 'subscribe',
        messageId: 3,
        subscriptions: [
          { topic: '{t}/2', qos: 2 },
          { topic: '{t}/0', qos: 0 },
          { topic: '{t}/1', qos: 1 },
          { topic: '{t}/2', qos: 1 },
        ],
      }),
      expect('a', { cmd: 'suback', messageId: 3, granted: [2, 0, 1, 1] }),
    ],
    ALL,
  ),
  row(
    'a bad filter among good ones fails alone [MQTT-3.8.4-5] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT3-3.8.4-5] [MQTT3-3.9.3-2]',
    [
      join('a'),
      send('a', {
        cmd: 'subscribe',
        messageId: 3,
        subscriptions: [
          { topic: '{t}/good', qos: 1 },
          { topic: '{t}/#/bad', qos: 1 },
          { topic: '{t}/fine', qos: 0 },
        ],
      }),
      on3(expect('a', { cmd: 'suback', granted: [1, 0x80, 0] })),
      on5(expect('a', { cmd: 'suback', granted: [1, 0x8f, 0] })),
      pub('a', '{t}/fine', 'payload'),
      got('a', '{t}/fine', 'payload'),
    ],
  ),
  row('subscribing again replaces the subscription and its QoS [MQTT-3.8.4-3] [MQTT3-3.8.4-3]', [
    join('b'),
    sub('b', '{t}/x', { qos: 2 }),
    sub('b', '{t}/x', { qos: 0 }),
    join('a'),
    pub('a', '{t}/x', 'payload', { qos: 1 }),
    got('b', '{t}/x', 'payload', { qos: 0 }),
    silence('b'),
  ]),
  row('overlapping subscriptions deliver at the highest QoS of them [MQTT-3.3.4-2] [MQTT3-3.3.5-1]', [
    join('b'),
    sub('b', '{t}/#', { qos: 2 }),
    sub('b', '{t}/x', { qos: 1 }),
    sub('b', '{t}/+', { qos: 0 }),
    join('a'),
    pub('a', '{t}/x', 'payload', { qos: 2 }),
    got('b', '{t}/x', 'payload', { qos: 2 }),
    silence('b'),
  ]),
  row(
    'UNSUBACK carries the packet id, and nothing more comes [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT3-3.10.4-1] [MQTT3-3.10.4-2] [MQTT3-3.10.4-4]',
    [
      join('b'),
      sub('b', '{t}/x', { qos: 1 }),
      unsub('b', '{t}/x', 65535),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 1 }),
      silence('b'),
    ],
    ALL,
  ),
  row(
    'UNSUBSCRIBE from what was never subscribed is answered [MQTT-3.10.4-5] [MQTT3-3.10.4-5]',
    [
      join('a'),
      send('a', { cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['{t}/none'] }),
      on3(expect('a', { cmd: 'unsuback', messageId: 8 })),
      on5(expect('a', { cmd: 'unsuback', messageId: 8, granted: [0x11] })),
    ],
    ALL,
  ),
  row(
    'UNSUBSCRIBE compares filters letter by letter: a wildcard removes only itself [MQTT-3.10.4-1] [MQTT3-3.10.4-1]',
    [
      join('b'),
      sub('b', '{t}/x'),
      unsub('b', '{t}/+'),
      unsub('b', '{t}/#'),
      join('a'),
      pub('a', '{t}/x', 'payload'),
      got('b', '{t}/x', 'payload'),
    ],
  ),
  row(
    'several filters in one UNSUBSCRIBE have one UNSUBACK [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] [MQTT3-3.10.4-6]',
    [
      join('b'),
      sub('b', '{t}/x'),
      sub('b', '{t}/y'),
      send('b', { cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['{t}/x', '{t}/none', '{t}/y'] }),
      on3(expect('b', { cmd: 'unsuback', messageId: 9 })),
      on5(expect('b', { cmd: 'unsuback', messageId: 9, granted: [0, 0x11, 0] })),
      join('a'),
      pub('a', '{t}/x', 'payload'),
      pub('a', '{t}/y', 'payload'),
      silence('b'),
    ],
  ),
  row('deliveries that began are completed after UNSUBSCRIBE [MQTT-3.10.4-3] [MQTT3-3.10.4-3]', [
    join('b'),
    sub('b', '{t}/x', { qos: 2 }),
    join('a'),
    pub('a', '{t}/x', 'payload', { qos: 2 }),
    expect('b', message('{t}/x', 'payload', { qos: 2, messageId: save('id') })),
    unsub('b', '{t}/x'),
    send('b', { cmd: 'pubrec', messageId: use('id') }),
    expect('b', { cmd: 'pubrel', messageId: use('id') }),
    send('b', { cmd: 'pubcomp', messageId: use('id') }),
    alive('b'),
  ]),
  row('a subscription of a clean session ends with it [MQTT3-3.1.2-6]', [
    join('a'),
    sub('a', '{t}/x', { qos: 1 }),
    bye('a'),
    join('a', {}, { sessionPresent: false }),
    join('b'),
    pub('b', '{t}/x', 'payload', { qos: 1 }),
    silence('a'),
  ]),
  row('subscriptions of a kept session are there again [MQTT-3.1.2-5] [MQTT3-3.1.2-4]', [
    join('a', persistent()),
    sub('a', '{t}/+/x', { qos: 1 }),
    bye('a'),
    join('a', persistent(), { sessionPresent: true }),
    join('b'),
    pub('b', '{t}/1/x', 'payload', { qos: 1 }),
    got('a', '{t}/1/x', 'payload', { qos: 1 }),
  ]),
  row('many subscribers of one topic get one copy each', [
    ...['a', 'b', 'c', 'd', 'e'].map(who => [join(who), sub(who, '{t}/x', { qos: 1 })]),
    join('p'),
    pub('p', '{t}/x', 'payload', { qos: 1 }),
    ...['a', 'b', 'c', 'd', 'e'].map(who => [got(who, '{t}/x', 'payload', { qos: 1 }), silence(who, 30)]),
  ]),
  row('a wildcard need not be declared before it is published to (rocketmq-mqtt)', [
    join('b'),
    sub('b', '+/{t}/#', { qos: 1 }),
    join('a'),
    pub('a', 'never-seen-{t}/{t}/deep/er', 'payload', { qos: 1 }),
    got('b', 'never-seen-{t}/{t}/deep/er', 'payload', { qos: 1 }),
  ]),
]

const SHARED: readonly Row[] = [
  row('a shared subscription gives each message to one member [MQTT-4.8.2-1]', [
    join('a'),
    join('b'),
    sub('a', '$share/g/{t}/x', { qos: 1 }),
    sub('b', '$share/g/{t}/x', { qos: 1 }),
    sub('b', '{t}/end', { qos: 0 }),
    join('p'),
    pub('p', '{t}/x', 'one', { qos: 1 }),
    pub('p', '{t}/x', 'two', { qos: 1 }),
    got('a', '{t}/x', oneOf('one', 'two'), { qos: 1 }),
    got('b', '{t}/x', oneOf('one', 'two'), { qos: 1 }),
    silence('a'),
    silence('b'),
  ]),
  row('two groups and a plain subscriber each get the message', [
    join('a'),
    join('b'),
    join('c'),
    sub('a', '$share/g1/{t}/#', { qos: 1 }),
    sub('b', '$share/g2/{t}/#', { qos: 1 }),
    sub('c', '{t}/#', { qos: 1 }),
    join('p'),
    pub('p', '{t}/x', 'payload', { qos: 1 }),
    ...['a', 'b', 'c'].map(who => got(who, '{t}/x', 'payload', { qos: 1 })),
    ...['a', 'b', 'c'].map(who => silence(who, 50)),
  ]),
  row('a message of a shared group goes to who is left when a member has gone', [
    join('a'),
    join('b'),
    sub('a', '$share/g/{t}/x', { qos: 1 }),
    sub('b', '$share/g/{t}/x', { qos: 1 }),
    bye('a'),
    join('p'),
    ...['1', '2', '3', '4'].map(n => [pub('p', '{t}/x', n, { qos: 1 }), got('b', '{t}/x', n, { qos: 1 })]),
  ]),
  row('leaving a shared group by UNSUBSCRIBE', [
    join('a'),
    join('b'),
    sub('a', '$share/g/{t}/x', { qos: 1 }),
    sub('b', '$share/g/{t}/x', { qos: 1 }),
    unsub('a', '$share/g/{t}/x'),
    join('p'),
    ...['1', '2', '3'].map(n => [pub('p', '{t}/x', n, { qos: 1 }), got('b', '{t}/x', n, { qos: 1 })]),
    silence('a'),
  ]),
  row('a shared subscription gets no retained messages', [
    join('p'),
    pub('p', '{t}/x', 'kept', { qos: 1, retain: true }),
    join('a'),
    sub('a', '$share/g/{t}/x', { qos: 1 }),
    silence('a'),
  ]),
  row('a message that a lost member did not acknowledge goes to another (rocketmq-mqtt #248)', [
    join('a'),
    sub('a', '$share/g/{t}/x', { qos: 1 }),
    join('p'),
    pub('p', '{t}/x', 'precious', { qos: 1 }),
    expect('a', message('{t}/x', 'precious', { qos: 1 })),
    join('b'),
    sub('b', '$share/g/{t}/x', { qos: 1 }),
    drop('a'),
    expect('b', message('{t}/x', 'precious', { qos: 1, dup: oneOf(false, true), messageId: save('b.id') })),
    send('b', { cmd: 'puback', messageId: use('b.id') }),
    silence('b'),
  ]),
  ...['$share/', '$share//{t}', '$share/g', '$share/g/', '$share/g+/{t}', '$share/g#/{t}'].map(filter =>
    row(`shared filter '${filter}' is refused [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, [
      join('a'),
      send('a', { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: filter, qos: 0 }] }),
      on3(expect('a', { cmd: 'suback', messageId: 7, granted: [0x80] })),
      on5(expect('a', { cmd: 'suback', messageId: 7, granted: [0x8f] })),
      alive('a'),
    ]),
  ),
  row('$share as the name of a topic is no shared subscription', [
    join('a'),
    sub('a', 'share/{t}/x'),
    pub('a', 'share/{t}/x', 'payload'),
    got('a', 'share/{t}/x', 'payload'),
    alive('a'),
  ]),
]

export const SUBSCRIBE_BOTH: readonly Row[] = [...matchRows, ...badFilterRows, ...OTHERS, ...SHARED]
