/** Bad input after CONNECT, as far as 3.1.1 and 5.0 agree: each closes its connection, with the reason of 5.0, and harms no other. */
import { oneOf } from '../match.ts'
import { closed, expect, frame, on3, on5, type Part, type Row, raw, row, text, wait } from '../row.ts'
import { alive, join } from '../words.ts'

/** Malformed or a protocol error: where the standard leaves the choice, or names both for the same bytes. */
const EITHER = oneOf(0x81, 0x82)

interface Bad {
  readonly name: string
  readonly v3?: readonly Part[]
  readonly v5?: readonly Part[]
  readonly reason: unknown
}

/** A subscriber looks on, that nothing of the bad packet gets through, and stays connected. */
const bad = ({ name, v3, v5, reason }: Bad): Row =>
  row(
    name,
    [
      join('b'),
      join('a'),
      v3 === undefined ? [] : on3(raw('a', ...v3)),
      v5 === undefined ? [] : on5(raw('a', ...v5)),
      closed('a', reason),
      alive('b'),
    ],
    { versions: [...(v3 === undefined ? [] : [4 as const]), ...(v5 === undefined ? [] : [5 as const])] },
  )

/** The same bytes are bad in both versions. */
const same = (name: string, reason: unknown, ...parts: readonly Part[]): Row =>
  bad({ name, v3: parts, v5: parts, reason })
/** The packet of 3.1.1, and that of 5.0 with empty properties after `before`. */
const both = (name: string, reason: unknown, head: number, before: readonly Part[], after: readonly Part[]): Row =>
  bad({ name, v3: [frame(head, ...before, ...after)], v5: [frame(head, ...before, '00', ...after)], reason })

const FLAGS: readonly (readonly [string, number, string])[] = [
  ['PUBACK', 0x41, '[MQTT-2.1.3-1] [MQTT3-2.2.2-1] [MQTT3-2.2.2-2]'],
  ['PUBREC', 0x52, '[MQTT-2.1.3-1] [MQTT3-2.2.2-2]'],
  ['PUBREL', 0x60, '[MQTT-3.6.1-1] [MQTT3-3.6.1-1]'],
  ['PUBREL', 0x63, '[MQTT-3.6.1-1] [MQTT3-3.6.1-1]'],
  ['PUBCOMP', 0x78, '[MQTT-2.1.3-1] [MQTT3-2.2.2-2]'],
]

const flagRows = [
  ...FLAGS.map(([name, head, ids]) =>
    same(
      `${name} with flags ${(head & 15).toString(2).padStart(4, '0')} is malformed ${ids}`,
      0x81,
      frame(head, '0001'),
    ),
  ),
  both(
    'SUBSCRIBE with flags 0000 is malformed [MQTT-3.8.1-1] [MQTT3-3.8.1-1]',
    0x81,
    0x80,
    ['0001'],
    [text('{t}'), '00'],
  ),
  both(
    'UNSUBSCRIBE with flags 0000 is malformed [MQTT-3.10.1-1] [MQTT3-3.10.1-1]',
    0x81,
    0xa0,
    ['0001'],
    [text('{t}')],
  ),
  same('PINGREQ with flags 0001 is malformed [MQTT-2.1.3-1] [MQTT3-2.2.2-2]', 0x81, 'c100'),
]

const KINDS: readonly Row[] = [
  same('packet type 0 is malformed [MQTT-4.13.1-1] [MQTT3-4.8.0-1]', EITHER, '0000'),
  bad({ name: 'packet type 15 is malformed in 3.1.1 [MQTT3-4.8.0-1]', v3: ['f000'], reason: undefined }),
  same('CONNACK from a client is a protocol error [MQTT-4.13.1-1] [MQTT3-4.8.0-1]', EITHER, '20020000'),
  same('SUBACK from a client is a protocol error [MQTT-4.13.1-1]', EITHER, '9003000100'),
  same('UNSUBACK from a client is a protocol error [MQTT-4.13.1-1]', EITHER, 'b0020001'),
  same('PINGRESP from a client is a protocol error [MQTT-4.13.1-1]', EITHER, 'd000'),
]

const LENGTHS: readonly Row[] = [
  same('a remaining length of five bytes is malformed [MQTT-4.13.1-1] [MQTT3-4.8.0-1]', EITHER, '30 ffffffff 7f'),
  same('a topic longer than its packet is malformed [MQTT-3.3.2-1] [MQTT3-3.3.2-1]', 0x81, '3004 00ff 6161'),
  same('a PUBLISH without topic length is malformed [MQTT-3.3.2-1] [MQTT3-3.3.2-1]', 0x81, '3001 00'),
  same('a QoS 1 PUBLISH without packet id is malformed [MQTT3-2.3.1-1]', 0x81, frame(0x32, text('{t}'))),
  same('a PUBACK without packet id is malformed', 0x81, '4000'),
  same('a PUBACK of half a packet id is malformed', 0x81, '4001 00'),
  same('a PINGREQ with a body is malformed', EITHER, 'c001 00'),
  bad({ name: 'a 3.1.1 PUBACK with more than a packet id is malformed', v3: ['4003 0001 00'], reason: undefined }),
  bad({ name: 'a 3.1.1 DISCONNECT with a body is malformed', v3: ['e001 00'], reason: undefined }),
  both('a SUBSCRIBE without options is malformed [MQTT-3.8.3-2]', EITHER, 0x82, ['0001'], [text('{t}')]),
  both('a filter longer than its packet is malformed', 0x81, 0x82, ['0001'], ['0040 61 00']),
]

const IDS: readonly Row[] = [
  both(
    'PUBLISH QoS 1 with packet id 0 is an error [MQTT-2.2.1-3] [MQTT3-2.3.1-1]',
    EITHER,
    0x32,
    [text('{t}'), '0000'],
    [],
  ),
  both(
    'PUBLISH QoS 2 with packet id 0 is an error [MQTT-2.2.1-3] [MQTT3-2.3.1-1]',
    EITHER,
    0x34,
    [text('{t}'), '0000'],
    [],
  ),
  both(
    'SUBSCRIBE with packet id 0 is an error [MQTT-2.2.1-3] [MQTT3-2.3.1-1]',
    EITHER,
    0x82,
    ['0000'],
    [text('{t}'), '00'],
  ),
  both(
    'UNSUBSCRIBE with packet id 0 is an error [MQTT-2.2.1-3] [MQTT3-2.3.1-1]',
    EITHER,
    0xa2,
    ['0000'],
    [text('{t}')],
  ),
  same('PUBACK with packet id 0 is an error', EITHER, '4002 0000'),
  same('PUBREL with packet id 0 is an error', EITHER, '6202 0000'),
]

const TOPICS: readonly Row[] = [
  both(
    'a topic name with + is refused [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT3-3.3.2-2] [MQTT3-4.7.1-1]',
    oneOf(0x81, 0x82, 0x90),
    0x30,
    [text('{t}/+')],
    [],
  ),
  both(
    'a topic name with # is refused [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT3-3.3.2-2] [MQTT3-4.7.1-1]',
    oneOf(0x81, 0x82, 0x90),
    0x30,
    [text('{t}/#')],
    [],
  ),
  both(
    'an empty topic name is refused [MQTT-4.7.3-1] [MQTT3-4.7.3-1]',
    oneOf(0x81, 0x82, 0x90),
    0x30,
    [text('')],
    ['61'],
  ),
  both(
    'a topic name with NUL is malformed [MQTT-1.5.4-2] [MQTT-4.7.3-2] [MQTT3-1.5.3-2] [MQTT3-4.7.3-2]',
    oneOf(0x81, 0x90),
    0x30,
    ['0003 610062'],
    [],
  ),
  both(
    'a topic name that is no UTF-8 is malformed [MQTT-1.5.4-1] [MQTT-3.3.2-1] [MQTT3-1.5.3-1]',
    oneOf(0x81, 0x90),
    0x30,
    ['0002 c328'],
    [],
  ),
  both(
    'an overlong UTF-8 form in a topic name is malformed [MQTT-1.5.4-1] [MQTT3-1.5.3-1]',
    oneOf(0x81, 0x90),
    0x30,
    ['0003 61c080'],
    [],
  ),
  both(
    'a surrogate in a topic name is malformed [MQTT-1.5.4-1] [MQTT3-1.5.3-1]',
    oneOf(0x81, 0x90),
    0x30,
    ['0003 eda080'],
    [],
  ),
  both(
    'a code point above U+10FFFF in a topic name is malformed [MQTT-1.5.4-1] [MQTT3-1.5.3-1]',
    oneOf(0x81, 0x90),
    0x30,
    ['0004 f4908080'],
    [],
  ),
  both(
    'a filter that is no UTF-8 is malformed [MQTT-3.8.3-1] [MQTT3-3.8.3-1]',
    oneOf(0x81, 0x8f),
    0x82,
    ['0001'],
    ['0002 c328 00'],
  ),
  both(
    'a filter with NUL is malformed [MQTT-4.7.3-2] [MQTT3-4.7.3-2]',
    oneOf(0x81, 0x8f),
    0x82,
    ['0001'],
    ['0003 610062 00'],
  ),
  both(
    'an empty filter is refused [MQTT-4.7.3-1] [MQTT3-4.7.3-1]',
    oneOf(0x81, 0x82, 0x8f),
    0x82,
    ['0001'],
    [text(''), '00'],
  ),
  both(
    'an UNSUBSCRIBE filter that is no UTF-8 is malformed [MQTT-3.10.3-1] [MQTT3-3.10.3-1]',
    oneOf(0x81, 0x8f),
    0xa2,
    ['0001'],
    ['0002 c328'],
  ),
]

const CONTENTS: readonly Row[] = [
  same('PUBLISH with QoS 3 is malformed [MQTT-3.3.1-4] [MQTT3-3.3.1-4]', 0x81, frame(0x36, text('{t}'), '0001')),
  both('PUBLISH with QoS 0 and DUP 1 is malformed [MQTT-3.3.1-2] [MQTT3-3.3.1-2]', EITHER, 0x38, [text('{t}')], ['61']),
  both('SUBSCRIBE without filters is a protocol error [MQTT-3.8.3-2] [MQTT3-3.8.3-3]', 0x82, 0x82, ['0001'], []),
  both('UNSUBSCRIBE without filters is a protocol error [MQTT-3.10.3-2] [MQTT3-3.10.3-2]', 0x82, 0xa2, ['0001'], []),
  both('SUBSCRIBE with QoS 3 is malformed [MQTT-3.8.3-5] [MQTT3-3.8.3-4]', EITHER, 0x82, ['0001'], [text('{t}'), '03']),
  both(
    'SUBSCRIBE with reserved bits is malformed [MQTT-3.8.3-5] [MQTT3-3.8.3-4]',
    EITHER,
    0x82,
    ['0001'],
    [text('{t}'), 'c0'],
  ),
  bad({
    name: 'SUBSCRIBE with the options of 5.0 is malformed in 3.1.1 [MQTT3-3.8.3-4]',
    v3: [frame(0x82, '0001', text('{t}'), '04')],
    reason: undefined,
  }),
  bad({ name: 'AUTH is no packet of 3.1.1 [MQTT3-4.8.0-1]', v3: ['f002 1800'], reason: undefined }),
]

const PIECES: readonly Row[] = [
  row('half a packet and then silence: the keep alive closes the connection [MQTT-3.1.2-22] [MQTT3-3.1.2-24]', [
    join('a', { keepalive: 1 }),
    wait(800),
    raw('a', '30 7f 00'),
    closed('a', 0x8d, 6000),
  ]),
  row('packets may come in any pieces, and many at once [MQTT-6.0.0-2] [MQTT3-6.0.0-2]', [
    join('a'),
    raw('a', 'c0'),
    wait(20),
    raw('a', '00c000'),
    wait(20),
    raw('a', 'c000c000c0'),
    wait(20),
    raw('a', '00'),
    ...[1, 2, 3, 4, 5].map(() => expect('a', { cmd: 'pingresp' })),
  ]),
]

export const MALFORMED_BOTH: readonly Row[] = [
  ...flagRows,
  ...KINDS,
  ...LENGTHS,
  ...IDS,
  ...TOPICS,
  ...CONTENTS,
  ...PIECES,
]
