/** What a client must not send: one row for each statement, with the reason code it gets. Valid input is not tested here. */
import { expect, test } from 'vitest'
import type { Version } from '../../../../edge/wire/packets.ts'
import { bytes, decode, field, packet, plainConnect, props, varint } from './recorder.ts'

/** The MQTT 5 code a session answers with, by statement, version (0: before CONNECT) and bytes. */
type Row = readonly [name: string, version: 0 | Version, bytes: Uint8Array, reason: number]

const MALFORMED = 0x81
const PROTOCOL = 0x82
const VERSION = 0x84
const TOPIC = 0x90
const ALIAS = 0x94

const NUL = bytes(0, 3, 'a', 0, 'b')
const SURROGATE = bytes(0, 3, 0xed, 0xa0, 0x80)
const OVERLONG = bytes(0, 2, 0xc0, 0xaf)
const connect = (level: number, flags: number, ...rest: (Uint8Array | number)[]) =>
  packet(0x10, field('MQTT'), level, flags, 0, 0, ...rest)
const connectProps = (...list: Parameters<typeof props>) => connect(5, 2, props(...list), field('c'))
const willProps = (...list: Parameters<typeof props>) =>
  connect(5, 6, 0, field('c'), props(...list), field('w'), field('x'))
const publishProps = (...list: Parameters<typeof props>) => packet(0x30, field('t'), props(...list))
const user = bytes(38, field('k'), field('v'))

const order: Row[] = [
  ['first packet is not CONNECT [MQTT-3.1.0-1]', 0, packet(0xc0), PROTOCOL],
  ['first packet is PUBLISH [MQTT-3.1.0-1]', 0, packet(0x30, field('a')), PROTOCOL],
  ['first packet is PUBLISH, by its first byte', 0, bytes(0x30), PROTOCOL],
  ['second CONNECT [MQTT-3.1.0-2]', 5, plainConnect(5), PROTOCOL],
  ['second CONNECT [MQTT-3.1.0-2]', 4, plainConnect(4), PROTOCOL],
  ['type 0 is reserved', 4, bytes(0x00, 0), MALFORMED],
  ['CONNACK from a client', 5, packet(0x20, 0, 0, 0), PROTOCOL],
  ['SUBACK from a client', 5, packet(0x90, 0, 1, 0, 0), PROTOCOL],
  ['UNSUBACK from a client', 4, packet(0xb0, 0, 1), PROTOCOL],
  ['PINGRESP from a client', 4, packet(0xd0), PROTOCOL],
  ['AUTH before MQTT 5', 4, packet(0xf0), MALFORMED],
]

const header: Row[] = [
  ['CONNECT with flags [MQTT-2.1.3-1]', 0, bytes(0x11, plainConnect(4).subarray(1)), MALFORMED],
  ['PUBACK with flags [MQTT-2.1.3-1]', 4, packet(0x42, 0, 1), MALFORMED],
  ['PUBREL without its flags [MQTT-3.6.1-1]', 5, packet(0x60, 0, 1), MALFORMED],
  ['SUBSCRIBE without its flags [MQTT-3.8.1-1]', 4, packet(0x80, 0, 1, field('a'), 0), MALFORMED],
  ['UNSUBSCRIBE without its flags [MQTT-3.10.1-1]', 5, packet(0xa0, 0, 1, 0, field('a')), MALFORMED],
  ['PINGREQ with flags [MQTT-2.1.3-1]', 5, packet(0xc1), MALFORMED],
  ['DISCONNECT with flags [MQTT-3.14.1-1]', 5, packet(0xe1), MALFORMED],
  ['AUTH with flags [MQTT-3.15.1-1]', 5, packet(0xf1), MALFORMED],
  ['remaining length of five bytes', 4, bytes(0x30, 0x80, 0x80, 0x80, 0x80, 1), MALFORMED],
  ['remaining length with needless bytes [MQTT-1.5.5-1]', 5, bytes(0xc0, 0x80, 0), MALFORMED],
  [
    'remaining length of CONNECT with needless bytes [MQTT-1.5.5-1]',
    0,
    bytes(0x10, plainConnect(5)[1]! | 0x80, 0, plainConnect(5).subarray(2)),
    MALFORMED,
  ],
  ['PINGREQ with a body', 4, packet(0xc0, 0), MALFORMED],
]

const connects: Row[] = [
  ['protocol name [MQTT-3.1.2-1]', 0, packet(0x10, field('HTTP'), 4, 2, 0, 0, field('c')), VERSION],
  ['protocol name in small letters [MQTT-3.1.2-1]', 0, packet(0x10, field('mqtt'), 4, 2, 0, 0, field('c')), VERSION],
  ['unknown level [MQTT-3.1.2-2]', 0, connect(6, 2, field('c')), VERSION],
  ['level 3 under the new name [MQTT-3.1.2-2]', 0, connect(3, 2, field('c')), VERSION],
  ['level 4 under the old name', 0, packet(0x10, field('MQIsdp'), 4, 2, 0, 0, field('c')), VERSION],
  ['bridge level 0x83', 0, packet(0x10, field('MQIsdp'), 0x83, 2, 0, 0, field('c')), VERSION],
  ['bridge level 0x84', 0, connect(0x84, 2, field('c')), VERSION],
  ['reserved flag [MQTT-3.1.2-3]', 0, connect(4, 3, field('c')), MALFORMED],
  ['will QoS without a will [MQTT-3.1.2-11]', 0, connect(5, 0x0a, 0, field('c')), MALFORMED],
  ['will retain without a will [MQTT-3.1.2-13]', 0, connect(4, 0x22, field('c')), MALFORMED],
  ['will QoS 3 [MQTT-3.1.2-12]', 0, connect(4, 0x1e, field('c'), field('w'), field('')), MALFORMED],
  ['will flag without a will [MQTT-3.1.2-9]', 0, connect(4, 6, field('c')), MALFORMED],
  ['will topic with a wildcard', 0, connect(4, 6, field('c'), field('w/#'), field('')), TOPIC],
  ['empty will topic [MQTT-4.7.3-1]', 0, connect(5, 6, 0, field('c'), 0, field(''), field('')), TOPIC],
  ['will topic with U+0000 [MQTT-4.7.3-2]', 0, connect(4, 6, field('c'), NUL, field('')), MALFORMED],
  ['will topic that is not UTF-8 [MQTT-3.1.3-11]', 0, connect(4, 6, field('c'), OVERLONG, field('')), MALFORMED],
  ['password without user name [MQTT-3.1.2-22 of 3.1.1]', 0, connect(4, 0x42, field('c'), field('p')), MALFORMED],
  ['user name flag without user name [MQTT-3.1.2-17]', 0, connect(4, 0x82, field('c')), MALFORMED],
  ['password flag without password [MQTT-3.1.2-19]', 0, connect(5, 0xc2, 0, field('c'), field('u')), MALFORMED],
  ['user name that is not UTF-8 [MQTT-3.1.3-12]', 0, connect(4, 0x82, field('c'), SURROGATE), MALFORMED],
  ['bytes after the last field [MQTT-3.1.2-16, -18]', 0, connect(4, 2, field('c'), field('u')), MALFORMED],
  ['client id that is not UTF-8 [MQTT-3.1.3-4]', 0, connect(4, 2, SURROGATE), MALFORMED],
  ['client id with U+0000 [MQTT-1.5.4-2]', 0, connect(5, 2, 0, NUL), MALFORMED],
  ['no client id [MQTT-3.1.3-3]', 0, connect(4, 2), MALFORMED],
  ['ends after the protocol name', 0, packet(0x10, field('MQTT')), MALFORMED],
  ['receive maximum 0 [MQTT5 3.1.2.11.3]', 0, connectProps(33, 0, 0), PROTOCOL],
  ['maximum packet size 0 [MQTT5 3.1.2.11.4]', 0, connectProps(39, 0, 0, 0, 0), PROTOCOL],
  ['session expiry twice [MQTT5 3.1.2.11.2]', 0, connectProps(17, 0, 0, 0, 1, 17, 0, 0, 0, 1), PROTOCOL],
  ['session expiry 0 twice [MQTT5 3.1.2.11.2]', 0, connectProps(17, 0, 0, 0, 0, 17, 0, 0, 0, 0), PROTOCOL],
  ['request problem information 2 [MQTT5 3.1.2.11.7]', 0, connectProps(23, 2), PROTOCOL],
  ['request response information 2 [MQTT5 3.1.2.11.6]', 0, connectProps(25, 2), PROTOCOL],
  ['authentication data without a method [MQTT5 3.1.2.11.10]', 0, connectProps(22, field('x')), PROTOCOL],
  ['a property of another packet [MQTT5 2.2.2.2]', 0, connectProps(1, 1), MALFORMED],
  ['an unknown property [MQTT5 2.2.2.2]', 0, connectProps(99, 1), MALFORMED],
  ['a property that ends early', 0, connectProps(17, 0, 0), MALFORMED],
  ['properties longer than the packet', 0, connect(5, 2, 0x7f, field('c')), MALFORMED],
  ['property length with needless bytes [MQTT-1.5.5-1]', 0, connect(5, 2, 0x80, 0, field('c')), MALFORMED],
  ['will delay twice [MQTT5 3.1.3.2.2]', 0, willProps(24, 0, 0, 0, 1, 24, 0, 0, 0, 1), PROTOCOL],
  ['will payload format 2 [MQTT5 3.1.3.2.3]', 0, willProps(1, 2), PROTOCOL],
  ['will response topic with a wildcard [MQTT-3.3.2-14]', 0, willProps(8, field('a/+')), PROTOCOL],
  ['will with a topic alias [MQTT5 2.2.2.2]', 0, willProps(35, 0, 1), MALFORMED],
]

const publishes: Row[] = [
  ['QoS 3 [MQTT-3.3.1-4]', 4, packet(0x36, field('a'), 0, 1), MALFORMED],
  ['DUP with QoS 0 [MQTT-3.3.1-2]', 5, packet(0x38, field('a'), 0), MALFORMED],
  ['packet id 0 [MQTT-2.2.1-3]', 5, packet(0x32, field('a'), 0, 0, 0), PROTOCOL],
  ['packet id 0 [MQTT-2.3.1-1 of 3.1.1]', 4, packet(0x34, field('a'), 0, 0), PROTOCOL],
  ['no packet id', 4, packet(0x32, field('a'), 1), MALFORMED],
  ['topic with + [MQTT-3.3.2-2]', 4, packet(0x30, field('a/+/b')), TOPIC],
  ['topic with # [MQTT-3.3.2-2]', 5, packet(0x30, field('#'), 0), TOPIC],
  ['topic with U+0000 [MQTT-4.7.3-2]', 4, packet(0x30, NUL), MALFORMED],
  ['topic with a surrogate [MQTT-1.5.4-1]', 5, packet(0x30, SURROGATE, 0), MALFORMED],
  ['topic with an overlong form [MQTT-3.3.2-1]', 4, packet(0x30, OVERLONG), MALFORMED],
  ['long topic with # [MQTT-3.3.2-2]', 4, packet(0x30, field(`${'a'.repeat(300)}/#`)), TOPIC],
  ['empty topic [MQTT-4.7.3-1]', 4, packet(0x30, field('')), MALFORMED],
  ['neither topic nor alias [MQTT5 3.3.2.1]', 5, packet(0x30, field(''), 0), PROTOCOL],
  ['topic longer than the packet', 4, packet(0x30, 0, 9, 'a'), MALFORMED],
  ['no topic at all', 4, packet(0x30, 0), MALFORMED],
  ['no property length', 5, packet(0x30, field('a')), MALFORMED],
  ['properties longer than the packet', 5, packet(0x30, field('a'), 5, 1), MALFORMED],
  ['alias 0 [MQTT-3.3.2-8]', 5, publishProps(35, 0, 0), ALIAS],
  ['alias twice [MQTT5 3.3.2.3.4]', 5, publishProps(35, 0, 1, 35, 0, 1), PROTOCOL],
  ['payload format 2 [MQTT5 3.3.2.3.2]', 5, publishProps(1, 2), PROTOCOL],
  ['payload format twice [MQTT5 3.3.2.3.2]', 5, publishProps(1, 0, 1, 0), PROTOCOL],
  ['message expiry twice [MQTT5 3.3.2.3.3]', 5, publishProps(2, 0, 0, 0, 9, 2, 0, 0, 0, 9), PROTOCOL],
  ['content type twice [MQTT5 3.3.2.3.9]', 5, publishProps(3, field('a'), 3, field('a')), PROTOCOL],
  ['content type not UTF-8 [MQTT-3.3.2-19]', 5, publishProps(3, SURROGATE), MALFORMED],
  ['response topic with a wildcard [MQTT-3.3.2-14]', 5, publishProps(8, field('a/#')), PROTOCOL],
  ['response topic not UTF-8 [MQTT-3.3.2-13]', 5, publishProps(8, OVERLONG), MALFORMED],
  ['empty response topic [MQTT-4.7.3-1]', 5, publishProps(8, field('')), PROTOCOL],
  ['correlation data twice [MQTT5 3.3.2.3.6]', 5, publishProps(9, field('a'), 9, field('b')), PROTOCOL],
  ['subscription identifier from a client [MQTT-3.3.4-6]', 5, publishProps(11, 1), PROTOCOL],
  ['user property not UTF-8 [MQTT-1.5.7-1]', 5, publishProps(38, field('k'), OVERLONG), MALFORMED],
  ['user property with U+0000 [MQTT-1.5.4-2]', 5, publishProps(38, NUL, field('v')), MALFORMED],
  ['user property that ends early', 5, publishProps(38, field('k')), MALFORMED],
  ['property of another packet [MQTT5 2.2.2.2]', 5, publishProps(17, 0, 0, 0, 1), MALFORMED],
  ['unknown property 0 after an alias [MQTT5 2.2.2.2]', 5, publishProps(35, 0, 1, 0, 0), MALFORMED],
  ['property id in two bytes [MQTT-1.5.5-1]', 5, publishProps(0x81, 0, 1), MALFORMED],
]

const acks: Row[] = [
  ['PUBACK with packet id 0 [MQTT-2.2.1-3]', 4, packet(0x40, 0, 0), PROTOCOL],
  ['PUBREL with packet id 0 [MQTT-2.2.1-3]', 5, packet(0x62, 0, 0), PROTOCOL],
  ['PUBACK of one byte', 5, packet(0x40, 1), MALFORMED],
  ['PUBCOMP with a reason before MQTT 5', 4, packet(0x70, 0, 1, 0), MALFORMED],
  ['PUBACK with a foreign reason [MQTT-3.4.2-1]', 5, packet(0x40, 0, 1, 0x92), PROTOCOL],
  ['PUBREC with a foreign reason [MQTT-3.5.2-1]', 5, packet(0x50, 0, 1, 1), PROTOCOL],
  ['PUBREL with a foreign reason [MQTT-3.6.2-1]', 5, packet(0x62, 0, 1, 0x10), PROTOCOL],
  ['PUBCOMP with a foreign reason [MQTT-3.7.2-1]', 5, packet(0x70, 0, 1, 0x80), PROTOCOL],
  ['reason string twice [MQTT5 3.4.2.2.2]', 5, packet(0x40, 0, 1, 0, props(31, field(''), 31, field(''))), PROTOCOL],
  ['bytes after the properties', 5, packet(0x40, 0, 1, 0, 0, 7), MALFORMED],
]

const subscriptions: Row[] = [
  ['SUBSCRIBE without filters [MQTT-3.8.3-2]', 5, packet(0x82, 0, 1, 0), PROTOCOL],
  ['SUBSCRIBE without filters [MQTT-3.8.3-3 of 3.1.1]', 4, packet(0x82, 0, 1), PROTOCOL],
  ['SUBSCRIBE with packet id 0 [MQTT-2.2.1-3]', 4, packet(0x82, 0, 0, field('a'), 0), PROTOCOL],
  ['filter without options', 4, packet(0x82, 0, 1, field('a')), MALFORMED],
  ['filter not UTF-8 [MQTT-3.8.3-1]', 4, packet(0x82, 0, 1, SURROGATE, 0), MALFORMED],
  ['filter with U+0000 [MQTT-4.7.3-2]', 5, packet(0x82, 0, 1, 0, NUL, 0), MALFORMED],
  ['empty filter [MQTT-4.7.3-1]', 5, packet(0x82, 0, 1, 0, field(''), 0), PROTOCOL],
  ['QoS 3 [MQTT5 3.8.3.1]', 5, packet(0x82, 0, 1, 0, field('a'), 3), PROTOCOL],
  ['QoS 3 [MQTT-3-8.3-4 of 3.1.1]', 4, packet(0x82, 0, 1, field('a'), 3), MALFORMED],
  ['reserved option bits [MQTT-3.8.3-5]', 5, packet(0x82, 0, 1, 0, field('a'), 0x40), MALFORMED],
  ['options of MQTT 5 before it [MQTT-3-8.3-4 of 3.1.1]', 4, packet(0x82, 0, 1, field('a'), 4), MALFORMED],
  ['retain handling 3 [MQTT5 3.8.3.1]', 5, packet(0x82, 0, 1, 0, field('a'), 0x30), PROTOCOL],
  ['subscription identifier 0 [MQTT5 3.8.2.1.2]', 5, packet(0x82, 0, 1, props(11, 0), field('a'), 0), PROTOCOL],
  [
    'two subscription identifiers [MQTT5 3.8.2.1.2]',
    5,
    packet(0x82, 0, 1, props(11, 1, 11, 2), field('a'), 0),
    PROTOCOL,
  ],
  [
    'subscription identifier of five bytes [MQTT-1.5.5-1]',
    5,
    packet(0x82, 0, 1, props(11, 0x80, 0x80, 0x80, 0x80, 1), field('a'), 0),
    MALFORMED,
  ],
  ['UNSUBSCRIBE without filters [MQTT-3.10.3-2]', 5, packet(0xa2, 0, 1, 0), PROTOCOL],
  ['UNSUBSCRIBE without filters [MQTT-3.10.3-2]', 4, packet(0xa2, 0, 1), PROTOCOL],
  ['UNSUBSCRIBE with packet id 0 [MQTT-2.2.1-3]', 4, packet(0xa2, 0, 0, field('a')), PROTOCOL],
  ['UNSUBSCRIBE with an empty filter [MQTT-4.7.3-1]', 4, packet(0xa2, 0, 1, field('')), PROTOCOL],
  ['UNSUBSCRIBE with a filter not UTF-8 [MQTT-3.10.3-1]', 4, packet(0xa2, 0, 1, OVERLONG), MALFORMED],
  ['UNSUBSCRIBE with an identifier', 5, packet(0xa2, 0, 1, props(11, 1), field('a')), MALFORMED],
]

const farewells: Row[] = [
  ['DISCONNECT with a body before MQTT 5', 4, packet(0xe0, 0), MALFORMED],
  ['DISCONNECT with a server-only reason [MQTT-3.14.2-1]', 5, packet(0xe0, 0x8e), PROTOCOL],
  ['DISCONNECT with an unknown reason [MQTT-3.14.2-1]', 5, packet(0xe0, 5), PROTOCOL],
  ['DISCONNECT with a server reference [MQTT5 3.14.2.2.5]', 5, packet(0xe0, 0, props(28, field('s'))), PROTOCOL],
  ['DISCONNECT with bytes after it', 5, packet(0xe0, 0, props(user), 0), MALFORMED],
  ['session expiry twice [MQTT5 3.14.2.2.2]', 5, packet(0xe0, 0, props(17, 0, 0, 0, 1, 17, 0, 0, 0, 1)), PROTOCOL],
  ['AUTH without a body is a success, which a client cannot say [MQTT-3.15.2-1]', 5, packet(0xf0), PROTOCOL],
  ['AUTH with a foreign reason [MQTT-3.15.2-1]', 5, packet(0xf0, 0x80, 0), PROTOCOL],
  ['AUTH without properties', 5, packet(0xf0, 0x18), MALFORMED],
  ['AUTH without a method [MQTT5 3.15.2.2.2]', 5, packet(0xf0, 0x18, 0), PROTOCOL],
  ['AUTH with two methods [MQTT5 3.15.2.2.2]', 5, packet(0xf0, 0x19, props(21, field('a'), 21, field('b'))), PROTOCOL],
]

const rows = Object.entries({ order, header, connects, publishes, acks, subscriptions, farewells }).flatMap(
  ([group, list]) => list.map(row => [group, ...row] as const),
)

test.each(rows)('%s: %s, version %d', (_group, _name, version, input, reason) => {
  const seen = decode(version, bytes(input, 0xc0, 0))
  expect(seen).toHaveLength(1)
  expect(seen[0]).toMatchObject({ is: 'malformed', reason })
  expect(seen[0]).toHaveProperty('detail', expect.stringMatching(/^[A-Z].*[^.]$/))
  // Byte by byte it is the same
  expect(decode(version, ...Array.from(bytes(input, 0xc0, 0), byte => bytes(byte)))).toEqual(seen)
})

test('a remaining length beyond the limit is 0x95 [MQTT-3.1.2-24]', () => {
  expect(decode(5, bytes(0x30, varint(268_435_455)))).toMatchObject([{ is: 'malformed', reason: 0x95 }])
})
