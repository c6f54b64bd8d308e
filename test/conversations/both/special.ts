/** `$SYS`, other `$` topics and `$p2p`, as far as 3.1.1 and 5.0 agree. */
import { oneOf, pattern, present } from '../match.ts'
import { expect, on5, type Row, row, send, silence } from '../row.ts'
import { alive, bye, got, join, message, persistent, pub, publish, sub } from '../words.ts'

const SHARED = { shared: true } as const

export const SPECIAL_BOTH: readonly Row[] = [
  row(
    '# and + do not match topics that start with $ [MQTT-4.7.2-1] [MQTT3-4.7.2-1]',
    [
      join('b'),
      sub('b', '#', { qos: 1, rh: 2 }),
      sub('b', '+/{t}/#', { qos: 1, rh: 2 }),
      sub('b', '+/+/x', { qos: 1, rh: 2 }),
      join('c'),
      sub('c', '$other/{t}/#', { qos: 1 }),
      join('a'),
      pub('a', '$other/{t}/x', 'hidden', { qos: 1 }),
      got('c', '$other/{t}/x', 'hidden', { qos: 1 }),
      pub('a', '{t}/x/y', 'seen', { qos: 1 }),
      got('b', '{t}/x/y', 'seen', { qos: 1 }),
    ],
    SHARED,
  ),
  row(
    '# gets everything else [MQTT-4.7.1-1] [MQTT3-4.7.1-2]',
    [
      join('b'),
      sub('b', '#', { qos: 1, rh: 2 }),
      join('a'),
      pub('a', '{t}/x', 'payload', { qos: 1 }),
      got('b', '{t}/x', 'payload', { qos: 1 }),
      pub('a', '/{t}', 'payload', { qos: 1 }),
      got('b', '/{t}', 'payload', { qos: 1 }),
    ],
    SHARED,
  ),
  row(
    '# gets no $SYS messages [MQTT-4.7.2-1] [MQTT3-4.7.2-1]',
    [join('b'), sub('b', '+/broker/#', { rh: 0 }), sub('b', '+/#', { rh: 2 }), silence('b', 300)],
    { versions: [5], shared: true },
  ),
  row('$SYS can be read by its own prefix', [
    join('b'),
    sub('b', '$SYS/#'),
    expect('b', { cmd: 'publish', topic: pattern('^\\$SYS/'), payload: present }),
  ]),
  row('clients cannot publish to $SYS', [
    join('b'),
    sub('b', '$SYS/{t}/x', { qos: 1 }),
    join('a'),
    send('a', publish('$SYS/{t}/x', 'forged', { qos: 1, messageId: 4 })),
    expect('a', { cmd: 'puback', messageId: 4, code: oneOf(0, 0x80, 0x83, 0x87, 0x90) }),
    on5(send('a', publish('$SYS/{t}/x', 'forged', { qos: 2, messageId: 5 }))),
    on5(expect('a', { cmd: 'pubrec', messageId: 5, code: oneOf(0x80, 0x83, 0x87, 0x90) })),
    silence('b'),
    alive('a'),
  ]),
  row('a QoS 1 PUBLISH to another $ topic is acknowledged', [
    join('a'),
    pub('a', '$TopicA/{t}', 'payload', { qos: 1 }),
  ]),
  row('$p2p reaches one client without a subscription, with the topic as published', [
    join('b'),
    join('c'),
    join('a'),
    pub('a', '$p2p/{id}b/orders/new', 'for b', { qos: 1 }),
    got('b', '$p2p/{id}b/orders/new', 'for b', { qos: 1 }),
    silence('b'),
    silence('c'),
  ]),
  row('$p2p at QoS 0 and 2', [
    join('b'),
    join('a'),
    pub('a', '$p2p/{id}b/x', 'zero', { qos: 0 }),
    got('b', '$p2p/{id}b/x', 'zero', { qos: 0 }),
    pub('a', '$p2p/{id}b/x', 'two', { qos: 2 }),
    got('b', '$p2p/{id}b/x', 'two', { qos: 2 }),
  ]),
  row('$p2p waits for a kept session that is away', [
    join('b', persistent()),
    bye('b'),
    join('a'),
    pub('a', '$p2p/{id}b/x', 'one', { qos: 1 }),
    pub('a', '$p2p/{id}b/x', 'two', { qos: 2 }),
    join('b', persistent(), { sessionPresent: true }),
    got('b', '$p2p/{id}b/x', 'one', { qos: 1 }),
    got('b', '$p2p/{id}b/x', 'two', { qos: 2 }),
    silence('b'),
  ]),
  row('$p2p to nobody is acknowledged, in 5.0 with 0x10', [
    join('a'),
    send('a', publish('$p2p/{id}nobody/x', 'lost', { qos: 1, messageId: 4 })),
    expect('a', { cmd: 'puback', messageId: 4 }),
    on5(send('a', publish('$p2p/{id}nobody/x', 'lost', { qos: 1, messageId: 5 }))),
    on5(expect('a', { cmd: 'puback', messageId: 5, code: 0x10 })),
  ]),
  row('$p2p is nobody else’s: a subscription to it gets nothing of others', [
    join('b'),
    join('c'),
    sub('c', '$p2p/{id}b/#', { qos: 1, granted: oneOf(0, 1, 0x80, 0x87, 0x8f) }),
    join('a'),
    pub('a', '$p2p/{id}b/x', 'private', { qos: 1 }),
    got('b', '$p2p/{id}b/x', 'private', { qos: 1 }),
    silence('c'),
  ]),
  row('$p2p to oneself', [
    join('a'),
    pub('a', '$p2p/{id}a/x', 'note', { qos: 1 }),
    expect('a', message('$p2p/{id}a/x', 'note', { qos: 1 })),
  ]),
]
