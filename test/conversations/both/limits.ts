/** Limits that a broker sets, with the settings of the profile `limits`; as far as 3.1.1 and 5.0 agree. */
import { oneOf } from '../match.ts'
import {
  closed,
  expect,
  frame,
  on3,
  on5,
  open,
  props,
  type Row,
  type RowOptions,
  raw,
  rejected,
  row,
  send,
  silence,
  text,
} from '../row.ts'
import { alive, bye, connect, got, join, persistent, pub, publish, sub } from '../words.ts'

const LIMITS: RowOptions = { profile: 'limits' }

const bigConnect = (bytes: number) => [
  on3(raw('a', frame(0x10, text('MQTT'), '04', 'c2', '0000', text('{id}a'), text('user'), text('p'.repeat(bytes))))),
  on5(
    raw(
      'a',
      frame(0x10, text('MQTT'), '05', 'c2', '0000', props(), text('{id}a'), text('user'), text('p'.repeat(bytes))),
    ),
  ),
]

export const LIMITS_BOTH: readonly Row[] = [
  row('no CONNECT within the connect timeout: closed', [open('a'), closed('a', undefined, 6000)], LIMITS),
  row('half a CONNECT and then silence: closed', [raw('a', '10 20 0004 4d51'), closed('a', undefined, 6000)], LIMITS),
  row(
    'a CONNECT larger than its limit is refused at the fixed header, before its body is there (CVE-2017-7651)',
    [raw('a', '10 ffff7f', '0004 4d515454'), closed('a')],
    LIMITS,
  ),
  row(
    'a CONNECT within the limit is accepted',
    [bigConnect(700), expect('a', { cmd: 'connack', code: 0 }), alive('a')],
    LIMITS,
  ),
  row('a CONNECT beyond the limit closes the connection (CVE-2023-0809)', [bigConnect(1200), closed('a')], {
    profile: 'limits',
    versions: [4],
  }),
  row(
    'a packet larger than the limit closes the connection at its fixed header, with 0x95',
    [join('a'), raw('a', '30 ffff7f 00'), closed('a', 0x95)],
    LIMITS,
  ),
  row(
    'a packet of just the limit is taken, one byte more is not',
    [
      join('b'),
      sub('b', '{t}'),
      join('a'),
      pub('a', '{t}', 'x'.repeat(1900)),
      got('b', '{t}', 'x'.repeat(1900)),
      pub('a', '{t}', 'x'.repeat(2000)),
      closed('a', 0x95),
      silence('b'),
    ],
    LIMITS,
  ),
  row(
    'a client id that is too long is refused [MQTT-3.1.3-8]',
    [
      on3(connect('a', { clientId: `{id}${'x'.repeat(100)}` }), expect('a', { cmd: 'connack', code: 2 }), closed('a')),
      on5(connect('a', { clientId: `{id}${'x'.repeat(100)}` }), rejected('a', 0x85)),
    ],
    LIMITS,
  ),
  row(
    'a topic with too many levels is refused',
    [join('a'), send('a', publish(`{t}${'/x'.repeat(20)}`, 'payload', { qos: 1, messageId: 4 })), closed('a', 0x90)],
    LIMITS,
  ),
  row(
    'a topic that is too long is refused',
    [join('a'), send('a', publish(`{t}/${'x'.repeat(300)}`, 'payload', { qos: 1, messageId: 4 })), closed('a', 0x90)],
    LIMITS,
  ),
  row(
    'a filter with too many levels is refused',
    [join('a'), sub('a', `{t}${'/+'.repeat(20)}`, { granted: oneOf(0x80, 0x8f) }), alive('a')],
    LIMITS,
  ),
  row(
    'more filters in a SUBSCRIBE than allowed are refused',
    [
      join('a'),
      send('a', {
        cmd: 'subscribe',
        messageId: 3,
        subscriptions: ['1', '2', '3', '4', '5'].map(n => ({ topic: `{t}/${n}`, qos: 0 })),
      }),
      closed('a', 0x97),
    ],
    LIMITS,
  ),
  row(
    'more subscriptions in a session than allowed are refused',
    [
      join('a'),
      ...['1', '2', '3', '4', '5'].map(n => sub('a', `{t}/${n}`)),
      sub('a', '{t}/6', { granted: oneOf(0x80, 0x97) }),
      sub('a', '{t}/5', { granted: 0 }),
      alive('a'),
    ],
    LIMITS,
  ),
  row(
    'the queue of an absent session keeps the newest of what does not fit',
    [
      join('a', persistent()),
      sub('a', '{t}/x', { qos: 1 }),
      bye('a'),
      join('b'),
      ...[1, 2, 3, 4, 5, 6, 7].map(n => pub('b', '{t}/x', `${n}`, { qos: 1 })),
      join('a', persistent(), { sessionPresent: true }),
      ...[3, 4, 5, 6, 7].map(n => got('a', '{t}/x', `${n}`, { qos: 1 })),
      silence('a'),
    ],
    LIMITS,
  ),
  row(
    'a retained payload beyond its limit is delivered but not kept',
    [
      join('b'),
      sub('b', '{t}/x'),
      join('a'),
      pub('a', '{t}/x', 'x'.repeat(600), { retain: true }),
      got('b', '{t}/x', 'x'.repeat(600)),
      join('c'),
      sub('c', '{t}/x'),
      silence('c'),
    ],
    LIMITS,
  ),
]
