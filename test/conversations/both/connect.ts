/** CONNECT, CONNACK, PINGREQ and DISCONNECT, as far as 3.1.1 and 5.0 agree. */
import { oneOf } from '../match.ts'
import {
  closed,
  drop,
  expect,
  expectAll,
  frame,
  on3,
  on5,
  open,
  type Part,
  props,
  type Row,
  raw,
  rejected,
  row,
  send,
  silence,
  text,
  wait,
} from '../row.ts'
import { ALL, alive, bye, connect, got, join, message, persistent, pub, sub, V34 } from '../words.ts'

/** CONNECT byte by byte, for both versions: `flags` and what follows the client id. */
const rawConnect = (who: string, flags: string, ...rest: readonly Part[]) => [
  on3(raw(who, frame(0x10, text('MQTT'), '04', flags, '0000', text(`{id}${who}`), ...rest))),
  on5(raw(who, frame(0x10, text('MQTT'), '05', flags, '0000', props(), text(`{id}${who}`), ...rest))),
]

export const CONNECT_BOTH: readonly Row[] = [
  row(
    'CONNECT is accepted with a CONNACK, Session Present 0 [MQTT-3.1.4-5] [MQTT-3.2.2-2] [MQTT3-3.1.4-4] [MQTT3-3.2.2-1]',
    [join('a', {}, { sessionPresent: false }), alive('a'), bye('a')],
    ALL,
  ),
  row(
    'PINGREQ is answered with PINGRESP [MQTT-3.12.4-1] [MQTT3-3.12.4-1]',
    [
      join('a'),
      alive('a'),
      alive('a'),
      send('a', { cmd: 'pingreq' }),
      send('a', { cmd: 'pingreq' }),
      expect('a', { cmd: 'pingresp' }, { cmd: 'pingresp' }),
    ],
    ALL,
  ),
  row('nothing but CONNACK comes first, and it comes once [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT3-3.2.0-1]', [
    join('a', persistent()),
    sub('a', '{t}/x', { qos: 1 }),
    bye('a'),
    join('b'),
    pub('b', '{t}/x', 'waiting', { qos: 1 }),
    connect('a', persistent()),
    expect('a', { cmd: 'connack', code: 0, sessionPresent: true }),
    got('a', '{t}/x', 'waiting', { qos: 1 }),
    alive('a'),
    silence('a'),
  ]),
  row(
    'second CONNECT closes the connection [MQTT-3.1.0-2] [MQTT3-3.1.0-2]',
    [join('a'), connect('a'), closed('a', 0x82)],
    ALL,
  ),
  row(
    'a first packet that is not CONNECT closes the connection without an answer: PINGREQ [MQTT-3.1.0-1] [MQTT3-3.1.0-1]',
    [raw('a', 'c000'), closed('a')],
    ALL,
  ),
  row(
    'a first packet that is not CONNECT closes the connection without an answer: PUBLISH [MQTT-3.1.0-1] [MQTT3-3.1.0-1]',
    [join('b'), sub('b', '{t}/x'), raw('a', frame(0x30, text('{t}/x'), '00')), closed('a'), silence('b')],
  ),
  row(
    'a first packet that is not CONNECT closes the connection without an answer: SUBSCRIBE [MQTT-3.1.0-1] [MQTT3-3.1.0-1]',
    [raw('a', frame(0x82, '0001', text('{t}'), '00')), closed('a')],
  ),
  row(
    'a first packet that is not CONNECT closes the connection without an answer: DISCONNECT [MQTT-3.1.0-1] [MQTT3-3.1.0-1]',
    [raw('a', 'e000'), closed('a')],
  ),
  row(
    'packets sent right behind CONNECT are worked off after CONNACK [MQTT-3.2.0-1]',
    [
      connect('a'),
      send('a', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '{t}/x', qos: 0 }] }),
      send('a', { cmd: 'publish', topic: '{t}/x', payload: 'early', qos: 0, retain: false, dup: false }),
      send('a', { cmd: 'pingreq' }),
      expect('a', { cmd: 'connack', code: 0 }),
      expectAll('a', { cmd: 'suback', granted: [0] }, message('{t}/x', 'early'), { cmd: 'pingresp' }),
    ],
    ALL,
  ),
  row(
    'client ids of 1 to 23 letters and digits are allowed [MQTT-3.1.3-5] [MQTT3-3.1.3-5]',
    [join('a', { clientId: '{id}ABCDEFGHIJKLM'.slice(0, 30) }), join('b', { clientId: 'Z{id}' }), bye('a'), bye('b')],
    ALL,
  ),
  row('a client id of many bytes and of other letters is allowed [MQTT-3.1.3-4] [MQTT3-3.1.3-4]', [
    join('a', { clientId: '{id}-gerät/7:温度-0123456789012345678901234567890123456789' }),
    bye('a'),
  ]),
  row('the reserved flag in CONNECT must be 0 [MQTT-3.1.2-3] [MQTT3-3.1.2-3]', [
    rawConnect('a', '03'),
    rejected('a', 0x81),
  ]),
  row(
    'a wrong protocol name closes the connection [MQTT-3.1.2-1] [MQTT3-3.1.2-1]',
    [
      raw('a', frame(0x10, text('MQTX'), '04', '02', '0000', text('{id}a'))),
      closed('a'),
      raw('b', frame(0x10, text('mqtt'), '04', '02', '0000', text('{id}b'))),
      closed('b'),
    ],
    V34,
  ),
  row('will QoS 3 is malformed [MQTT-3.1.2-12] [MQTT3-3.1.2-14]', [
    on3(raw('a', frame(0x10, text('MQTT'), '04', '1e', '0000', text('{id}a'), text('{t}/w'), text('gone')))),
    on5(
      raw('a', frame(0x10, text('MQTT'), '05', '1e', '0000', '00', text('{id}a'), '00', text('{t}/w'), text('gone'))),
    ),
    rejected('a', 0x81),
  ]),
  row('will QoS without will flag is malformed [MQTT-3.1.2-11] [MQTT3-3.1.2-11] [MQTT3-3.1.2-13]', [
    rawConnect('a', '0a'),
    rejected('a', 0x81),
  ]),
  row('will retain without will flag is malformed [MQTT-3.1.2-13] [MQTT3-3.1.2-15]', [
    rawConnect('a', '22'),
    rejected('a', 0x81),
  ]),
  row('will flag without a will in the payload is malformed [MQTT-3.1.2-9] [MQTT3-3.1.2-9]', [
    rawConnect('a', '06'),
    rejected('a', 0x81),
  ]),
  row('user name flag without a user name is malformed [MQTT-3.1.2-17] [MQTT3-3.1.2-19]', [
    rawConnect('a', '82'),
    rejected('a', 0x81),
  ]),
  row('password flag without a password is malformed [MQTT-3.1.2-19] [MQTT3-3.1.2-21]', [
    rawConnect('a', 'c2', text('user')),
    rejected('a', 0x81),
  ]),
  row('a user name without its flag is malformed [MQTT-3.1.2-16] [MQTT3-3.1.2-18]', [
    rawConnect('a', '02', text('user')),
    rejected('a', 0x81),
  ]),
  row('a password without its flag is malformed [MQTT-3.1.2-18] [MQTT3-3.1.2-20]', [
    rawConnect('a', '82', text('user'), text('secret')),
    rejected('a', 0x81),
  ]),
  row(
    'a CONNECT without client id is malformed [MQTT3-3.2.2-6] [MQTT-3.1.3-3] [MQTT-3.1.4-1] [MQTT3-3.1.3-3] [MQTT3-3.1.4-1]',
    [
      on3(raw('a', frame(0x10, text('MQTT'), '04', '02', '0000'))),
      on5(raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', '00'))),
      rejected('a', 0x81),
    ],
  ),
  row('a client id that is no UTF-8 is malformed [MQTT-1.5.4-1] [MQTT-3.1.3-4] [MQTT3-1.5.3-1] [MQTT3-3.1.3-4]', [
    on3(raw('a', frame(0x10, text('MQTT'), '04', '02', '0000', '0003 61c328'))),
    on5(raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', '00', '0003 61c328'))),
    rejected('a', oneOf(0x81, 0x85)),
  ]),
  row('a client id with NUL is malformed [MQTT-1.5.4-2] [MQTT3-1.5.3-2]', [
    on3(raw('a', frame(0x10, text('MQTT'), '04', '02', '0000', '0003 610062'))),
    on5(raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', '00', '0003 610062'))),
    rejected('a', oneOf(0x81, 0x85)),
  ]),
  row('a user name that is no UTF-8 is malformed [MQTT-3.1.3-12] [MQTT3-3.1.3-11]', [
    rawConnect('a', '82', '0002 c0af'),
    rejected('a', 0x81),
  ]),
  row('a surrogate in a string is malformed [MQTT-1.5.4-1] [MQTT3-1.5.3-1]', [
    rawConnect('a', '82', '0003 eda080'),
    rejected('a', 0x81),
  ]),
  row('a will topic with a wildcard is refused [MQTT-3.1.3-11] [MQTT3-3.1.3-10]', [
    on3(raw('a', frame(0x10, text('MQTT'), '04', '06', '0000', text('{id}a'), text('{t}/#'), text('gone')))),
    on5(
      raw('a', frame(0x10, text('MQTT'), '05', '06', '0000', '00', text('{id}a'), '00', text('{t}/#'), text('gone'))),
    ),
    rejected('a', oneOf(0x81, 0x82, 0x90)),
  ]),
  row(
    'wrong flags in the fixed header of CONNECT close the connection [MQTT-2.1.3-1] [MQTT3-2.2.2-2]',
    [
      on3(raw('a', frame(0x11, text('MQTT'), '04', '02', '0000', text('{id}a')))),
      on5(raw('a', frame(0x11, text('MQTT'), '05', '02', '0000', '00', text('{id}a')))),
      closed('a'),
    ],
    { versions: [4] },
  ),
  row('a CONNECT in many small pieces is one CONNECT [MQTT-6.0.0-2]', [
    open('a'),
    raw('a', '10'),
    wait(20),
    on3(raw('a', '0f 0004 4d51'), wait(20), raw('a', '5454 04 02 0000 0003 7a7a'), wait(20), raw('a', '79')),
    on5(raw('a', '10 0004 4d51'), wait(20), raw('a', '5454 05 02 0000 00 0003 7a7a'), wait(20), raw('a', '78')),
    expect('a', { cmd: 'connack', code: 0 }),
    alive('a'),
  ]),
  row(
    'the same client id takes the connection over: the first is closed with 0x8E [MQTT-3.1.4-3] [MQTT3-3.1.4-2]',
    [join('a'), join('a2', { clientId: '{id}a' }), closed('a', 0x8e), alive('a2')],
    ALL,
  ),
  row('a takeover keeps the session and its subscriptions [MQTT-3.1.2-5] [MQTT-3.1.4-3] [MQTT3-3.1.2-4]', [
    join('a', persistent(), { sessionPresent: false }),
    sub('a', '{t}/x', { qos: 1 }),
    join('a2', persistent({ clientId: '{id}a' }), { sessionPresent: true }),
    closed('a', 0x8e),
    join('b'),
    pub('b', '{t}/x', 'for the new one', { qos: 1 }),
    got('a2', '{t}/x', 'for the new one', { qos: 1 }),
  ]),
  row(
    'same client id connecting again and again leaves one connection (CVE-2026-22040) [MQTT-3.1.4-3] [MQTT3-3.1.4-2]',
    [
      join('a1', { clientId: '{id}a' }),
      ...['a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'].map((who, i) => [
        join(who, { clientId: '{id}a' }),
        closed(`a${i + 1}`, 0x8e),
      ]),
      sub('a8', '{t}/x'),
      join('b'),
      pub('b', '{t}/x', 'once'),
      got('a8', '{t}/x', 'once'),
      silence('a8'),
    ],
  ),
  row('nothing is worked off behind a refused CONNECT [MQTT-3.1.4-6] [MQTT-3.2.2-7] [MQTT3-3.1.4-5] [MQTT3-3.2.2-5]', [
    join('b'),
    sub('b', '{t}/x'),
    on3(
      raw('a', frame(0x10, text('MQTT'), '09', '02', '0000', text('{id}a')), frame(0x30, text('{t}/x'), '00')),
      expect('a', { cmd: 'connack', code: 1, sessionPresent: false }),
      closed('a'),
    ),
    on5(
      raw(
        'a',
        frame(0x10, text('MQTT'), '05', '02', '0000', props('21 0000'), text('{id}a')),
        frame(0x30, text('{t}/x'), '00'),
      ),
      rejected('a', 0x82),
    ),
    silence('b'),
  ]),
  row(
    'DISCONNECT closes the connection [MQTT-3.14.4-2] [MQTT3-3.14.4-1]',
    [join('a'), raw('a', 'e000'), closed('a')],
    ALL,
  ),
  row('nothing is worked off behind DISCONNECT [MQTT-3.14.4-1] [MQTT3-3.14.4-2]', [
    join('b'),
    sub('b', '{t}/x'),
    join('a'),
    raw('a', 'e000', frame(0x30, text('{t}/x'), '00')),
    closed('a'),
    silence('b'),
  ]),
  row('wrong flags in DISCONNECT are malformed [MQTT-3.14.1-1] [MQTT3-3.14.1-1]', [
    join('a'),
    raw('a', 'e100'),
    closed('a', 0x81),
  ]),
  row(
    'keep alive: silence of one and a half times the interval closes the connection [MQTT-3.1.2-22] [MQTT3-3.1.2-24]',
    [join('a', { keepalive: 3 }), silence('a', 3300), closed('a', 0x8d, 6000)],
  ),
  row('keep alive: packets other than PINGREQ count as a sign of life [MQTT-3.1.2-22] [MQTT3-3.1.2-24]', [
    join('a', { keepalive: 2 }),
    ...[1, 2, 3].map(() => [wait(1800), pub('a', '{t}/x', 'still here')]),
    alive('a'),
  ]),
  row('keep alive 0 never times out [MQTT-3.1.2-22] [MQTT3-3.1.2-24]', [
    join('a', { keepalive: 0 }),
    silence('a', 2500),
    alive('a'),
  ]),
  row('a keep-alive timeout publishes the will [MQTT-3.1.2-8] [MQTT3-3.1.2-8]', [
    join('b'),
    sub('b', '{t}/will'),
    join('a', { keepalive: 1, will: { topic: '{t}/will', payload: 'timed out', qos: 0, retain: false } }),
    closed('a', 0x8d, 4000),
    got('b', '{t}/will', 'timed out'),
  ]),
  row('a broken connection harms no other', [
    join('b'),
    join('a'),
    raw('a', 'ffffffffffff'),
    closed('a', 0x81),
    alive('b'),
    drop('b'),
    join('c'),
    alive('c'),
  ]),
  row('clean session 1 discards what was there [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT3-3.1.2-6] [MQTT3-3.1.4-3]', [
    join('a', persistent()),
    sub('a', '{t}/x', { qos: 1 }),
    bye('a'),
    join('a', {}, { sessionPresent: false }),
    join('b'),
    pub('b', '{t}/x', 'nobody', { qos: 1 }),
    silence('a'),
    bye('a'),
    join('a', persistent(), { sessionPresent: false }),
  ]),
  row(
    'clean session 0 without a session makes one [MQTT-3.1.2-6] [MQTT3-3.2.2-2] [MQTT-3.2.2-3] [MQTT3-3.1.2-4] [MQTT3-3.2.2-3]',
    [join('a', persistent(), { sessionPresent: false }), bye('a'), join('a', persistent(), { sessionPresent: true })],
  ),
  row('an empty client id with clean session 1 is given one [MQTT-3.1.3-6] [MQTT3-3.1.3-6]', [
    join('a', { clientId: '' }),
    join('b', { clientId: '' }),
    alive('a'),
    alive('b'),
    sub('a', '{t}/x'),
    pub('b', '{t}/x', 'to the other'),
    got('a', '{t}/x', 'to the other'),
  ]),
  row('an unknown user name is accepted where nobody is asked for one', [
    join('a', { username: 'someone', password: 'something' }),
    alive('a'),
  ]),
]

export const LEVELS: readonly Row[] = [
  row(
    'protocol level 6 is refused with 1 or 0x84 [MQTT-3.1.2-2]',
    [
      raw('a', frame(0x10, text('MQTT'), '06', '02', '0000', '00', text('{id}a'))),
      expect('a', { cmd: 'connack', code: oneOf(1, 0x84), sessionPresent: false }),
      closed('a'),
    ],
    { versions: [4] },
  ),
  row(
    'protocol level 0 is refused with 1 [MQTT3-3.1.2-2] [MQTT3-3.2.2-4] [MQTT3-3.2.2-5]',
    [
      raw('a', frame(0x10, text('MQTT'), '00', '02', '0000', text('{id}a'))),
      expect('a', { cmd: 'connack', code: 1, sessionPresent: false }),
      closed('a'),
    ],
    { versions: [4] },
  ),
  row(
    'an empty client id with clean session 0 is refused with 2 [MQTT3-3.1.3-8] [MQTT3-3.1.3-9]',
    [
      raw('a', frame(0x10, text('MQTT'), '04', '00', '0000', text(''))),
      expect('a', { cmd: 'connack', code: 2, sessionPresent: false }),
      closed('a'),
    ],
    { versions: [4] },
  ),
]
