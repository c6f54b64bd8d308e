/** CONNECT and CONNACK of 5.0: properties, session expiry, assigned client id, what the server grants. */
import { absent, between, oneOf, present, save, use } from '../match.ts'
import {
  closed,
  drop,
  expect,
  frame,
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
import { alive, bye, connect, got, join, persistent, pub, sub, V5 } from '../words.ts'

const expiry = (seconds: number) => ({ properties: { sessionExpiryInterval: seconds } })
/** CONNECT with these property bytes. */
const withProps = (...parts: readonly Part[]) =>
  raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', props(...parts), text('{id}a')))

const badProps = (name: string, reason: unknown, ...parts: readonly Part[]): Row =>
  row(name, [withProps(...parts), rejected('a', reason)], V5)

const BAD: readonly Row[] = [
  badProps('Receive Maximum 0 is a protocol error', 0x82, '21 0000'),
  badProps('Maximum Packet Size 0 is a protocol error', 0x82, '27 00000000'),
  badProps('Request Problem Information 2 is a protocol error', oneOf(0x81, 0x82), '17 02'),
  badProps('Request Response Information 2 is a protocol error', oneOf(0x81, 0x82), '19 02'),
  badProps('Authentication Data without a method is a protocol error', 0x82, '16 0003 616263'),
  badProps('Session Expiry Interval twice is a protocol error', oneOf(0x81, 0x82), '11 00000001', '11 00000001'),
  badProps('Receive Maximum twice is a protocol error', oneOf(0x81, 0x82), '21 0005', '21 0005'),
  badProps('Maximum Packet Size twice is a protocol error', oneOf(0x81, 0x82), '27 00010000', '27 00010000'),
  badProps('Topic Alias Maximum twice is a protocol error', oneOf(0x81, 0x82), '22 0005', '22 0005'),
  badProps('Authentication Method twice is a protocol error', oneOf(0x81, 0x82), '15', text('A'), '15', text('A')),
  badProps('an unknown property in CONNECT is malformed [MQTT-3.1.4-1]', oneOf(0x81, 0x82), '7f 01'),
  badProps('a property of another packet in CONNECT is malformed', oneOf(0x81, 0x82), '23 0001'),
  badProps('a user property that is no UTF-8 is malformed [MQTT-1.5.7-1]', 0x81, '26 0002 c328', text('v')),
  badProps('a property cut short is malformed', 0x81, '11 0000'),
  row(
    'a property length beyond the packet is malformed',
    [raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', '7f', text('{id}a'))), rejected('a', 0x81)],
    V5,
  ),
  row(
    'a CONNECT without property length is malformed [MQTT-2.2.2-1]',
    [raw('a', frame(0x10, text('MQTT'), '05', '02', '0000')), rejected('a', 0x81)],
    V5,
  ),
  row(
    'bytes behind the CONNECT payload are malformed [MQTT-3.1.4-1]',
    [raw('a', frame(0x10, text('MQTT'), '05', '02', '0000', '00', text('{id}a'), '00')), rejected('a', 0x81)],
    V5,
  ),
  row(
    'an unknown will property is malformed',
    [
      raw(
        'a',
        frame(
          0x10,
          text('MQTT'),
          '05',
          '06',
          '0000',
          '00',
          text('{id}a'),
          props('11 00000001'),
          text('{t}'),
          text('w'),
        ),
      ),
      rejected('a', oneOf(0x81, 0x82)),
    ],
    V5,
  ),
  row(
    'a will payload that is not what its format says is refused or taken',
    [
      raw(
        'a',
        frame(0x10, text('MQTT'), '05', '06', '0000', '00', text('{id}a'), props('01 01'), text('{t}'), '0002 c328'),
      ),
      expect('a', { cmd: 'connack', code: oneOf(0, 0x99) }),
    ],
    V5,
  ),
]

const CONNACK: readonly Row[] = [
  row(
    'an empty client id is assigned one that works [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]',
    [
      join('a', { clientId: '' }, { properties: { assignedClientIdentifier: save('mine') } }),
      join('b', { clientId: use('mine') }),
      closed('a', 0x8e),
      alive('b'),
    ],
    V5,
  ),
  row(
    'an empty client id with clean start 0 is assigned one, and its session is kept [MQTT-3.1.3-6] [MQTT-3.1.3-7]',
    [
      raw('a', frame(0x10, text('MQTT'), '05', '00', '0000', props('11 00000e10'), text(''))),
      expect('a', {
        cmd: 'connack',
        code: 0,
        sessionPresent: false,
        properties: { assignedClientIdentifier: save('mine') },
      }),
      drop('a'),
      wait(50),
      join('b', { clientId: use('mine'), clean: false, ...expiry(10) }, { sessionPresent: true }),
    ],
    V5,
  ),
  row(
    'a client id that was sent is not assigned [MQTT-3.2.2-16]',
    [join('a', {}, { properties: { assignedClientIdentifier: absent } })],
    V5,
  ),
  row(
    'a password without user name is allowed',
    [
      raw('a', frame(0x10, text('MQTT'), '05', '42', '0000', '00', text('{id}a'), text('token'))),
      expect('a', { cmd: 'connack', code: 0 }),
      alive('a'),
    ],
    V5,
  ),
  row(
    'every CONNECT property at once is taken',
    [
      join('a', {
        properties: {
          sessionExpiryInterval: 60,
          receiveMaximum: 10,
          maximumPacketSize: 100_000,
          topicAliasMaximum: 10,
          requestResponseInformation: true,
          requestProblemInformation: true,
          userProperties: { one: '1', two: '2' },
        },
        will: {
          topic: '{t}/w',
          payload: 'w',
          qos: 1,
          retain: false,
          properties: {
            willDelayInterval: 1,
            payloadFormatIndicator: true,
            messageExpiryInterval: 60,
            contentType: 'text/plain',
            responseTopic: '{t}/r',
            correlationData: Buffer.from([1, 2, 3]),
            userProperties: { three: '3' },
          },
        },
      }),
      alive('a'),
      bye('a'),
    ],
    V5,
  ),
  row(
    'what is not said in CONNACK is supported: QoS 2, retain, wildcards, shared, subscription ids [MQTT-3.2.2-9]',
    [
      join(
        'a',
        {},
        {
          properties: {
            maximumQoS: absent,
            retainAvailable: oneOf({ check: 'absent' }, true),
            wildcardSubscriptionAvailable: oneOf({ check: 'absent' }, true),
            sharedSubscriptionAvailable: oneOf({ check: 'absent' }, true),
            subscriptionIdentifiersAvailable: oneOf({ check: 'absent' }, true),
          },
        },
      ),
    ],
    V5,
  ),
  row(
    'CONNACK without response information unless it is asked for [MQTT-3.1.2-28]',
    [join('a', { properties: { requestResponseInformation: false } }, { properties: { responseInformation: absent } })],
    V5,
  ),
  row(
    'CONNACK has no Authentication Method if CONNECT had none [MQTT-4.12.0-6]',
    [join('a', {}, { properties: { authenticationMethod: absent } })],
    V5,
  ),
  row(
    'CONNACK fits the client’s Maximum Packet Size [MQTT-3.1.2-24] [MQTT-3.2.2-19] [MQTT-3.2.2-20]',
    [
      connect('a', { properties: { maximumPacketSize: 30 } }),
      expect('a', { cmd: 'connack', code: 0, length: between(3, 28) }),
      alive('a'),
    ],
    V5,
  ),
  row(
    'the keep alive of the client stays where the server names none [MQTT-3.2.2-22]',
    [
      join('a', { keepalive: 3 }, { properties: { serverKeepAlive: absent } }),
      silence('a', 3300),
      closed('a', 0x8d, 4000),
    ],
    V5,
  ),
]

const EXPIRY: readonly Row[] = [
  row(
    'without Session Expiry Interval the session ends with the connection [MQTT-4.1.0-2]',
    [
      join('a', { clean: false }),
      sub('a', '{t}/x', { qos: 1 }),
      bye('a'),
      join('a', { clean: false }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'Session Expiry Interval 0 ends the session with the connection [MQTT-4.1.0-2]',
    [
      join('a', { clean: false, ...expiry(0) }),
      drop('a'),
      wait(100),
      join('a', { clean: false, ...expiry(0) }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'a session lasts as long as its expiry interval, and no longer [MQTT-3.1.2-23] [MQTT-4.1.0-2]',
    [
      join('a', { clean: true, ...expiry(2) }),
      sub('a', '{t}/x', { qos: 1 }),
      drop('a'),
      wait(700),
      join('a', { clean: false, ...expiry(1) }, { sessionPresent: true }),
      drop('a'),
      wait(2600),
      join('a', { clean: false, ...expiry(1) }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'a session does not expire while it is connected [MQTT-4.1.0-1]',
    [
      join('a', { clean: true, ...expiry(1) }),
      sub('a', '{t}/x', { qos: 1 }),
      wait(2500),
      join('b'),
      pub('b', '{t}/x', 'payload', { qos: 1 }),
      got('a', '{t}/x', 'payload', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'Session Expiry Interval 0xFFFFFFFF never ends',
    [
      join('a', { clean: true, ...expiry(0xffffffff) }),
      bye('a'),
      join('a', { clean: true, ...expiry(0) }, { sessionPresent: false }),
      bye('a'),
    ],
    V5,
  ),
  row(
    'clean start 1 with an expiry interval keeps the new session [MQTT-3.1.2-4] [MQTT-3.2.2-2]',
    [
      join('a', { clean: true, ...expiry(60) }, { sessionPresent: false }),
      bye('a'),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: true }),
    ],
    V5,
  ),
  row(
    'the expiry interval of the next CONNECT replaces that of the last',
    [
      join('a', { clean: true, ...expiry(60) }),
      bye('a'),
      join('a', { clean: false, ...expiry(0) }, { sessionPresent: true }),
      bye('a'),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'DISCONNECT can end the session: expiry interval 0',
    [
      join('a', { clean: true, ...expiry(60) }),
      bye('a', { properties: { sessionExpiryInterval: 0 } }),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'DISCONNECT can prolong the session',
    [
      join('a', { clean: true, ...expiry(1) }),
      bye('a', { properties: { sessionExpiryInterval: 60 } }),
      wait(2500),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: true }),
    ],
    V5,
  ),
  row(
    'DISCONNECT without an interval keeps that of CONNECT',
    [
      join('a', { clean: true, ...expiry(60) }),
      bye('a'),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: true }),
    ],
    V5,
  ),
  row(
    'DISCONNECT cannot give an interval to a session that had none: 0x82',
    [
      join('a', { clean: true, ...expiry(0) }),
      send('a', { cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } }),
      closed('a', 0x82),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: false }),
    ],
    V5,
  ),
  row(
    'a takeover with clean start ends the session of the other [MQTT-3.1.2-4] [MQTT-3.1.4-3]',
    [
      join('a', persistent()),
      sub('a', '{t}/x', { qos: 1 }),
      join('a2', { clientId: '{id}a', clean: true }, { sessionPresent: false }),
      closed('a', 0x8e),
      join('b'),
      pub('b', '{t}/x', 'payload', { qos: 1 }),
      silence('a2'),
    ],
    V5,
  ),
]

const AUTH: readonly Row[] = [
  row(
    'an unknown Authentication Method is refused with 0x8C [MQTT-4.12.0-1] [MQTT-3.2.2-8]',
    [
      connect('a', { properties: { authenticationMethod: 'NO-SUCH-METHOD', authenticationData: Buffer.from('x') } }),
      rejected('a', oneOf(0x8c, 0x87)),
    ],
    V5,
  ),
  row('AUTH as the first packet closes the connection [MQTT-3.1.0-1]', [open('a'), raw('a', 'f000'), closed('a')], V5),
  row(
    'AUTH without Authentication Method in CONNECT is a protocol error [MQTT-4.12.0-7]',
    [join('a'), raw('a', frame(0xf0, '19', props('15', text('X')))), closed('a', oneOf(0x82, 0x8c))],
    V5,
  ),
  row(
    'AUTH with wrong flags is malformed [MQTT-3.15.1-1]',
    [join('a'), raw('a', frame(0xf1, '19', props('15', text('X')))), closed('a', 0x81)],
    V5,
  ),
  row(
    'AUTH with an unknown reason code is refused [MQTT-3.15.2-1]',
    [join('a'), raw('a', frame(0xf0, '42', props('15', text('X')))), closed('a', oneOf(0x81, 0x82))],
    V5,
  ),
  row(
    'no CONNACK before the exchange is through, whatever comes first [MQTT-3.1.4-6]',
    [
      connect('a', { properties: { authenticationMethod: 'NO-SUCH-METHOD' } }),
      raw('a', 'c000'),
      rejected('a', oneOf(0x8c, 0x87)),
    ],
    V5,
  ),
]

export const CONNECT_V5: readonly Row[] = [
  ...BAD,
  ...CONNACK,
  ...EXPIRY,
  ...AUTH,
  row(
    'user properties of CONNECT are taken and not sent back',
    [
      join('a', { properties: { userProperties: { a: 'b' } } }, { properties: { userProperties: absent } }),
      sub('a', '{t}/x'),
      pub('a', '{t}/x', 'payload', { properties: { userProperties: { c: 'd' } } }),
      expect('a', { cmd: 'publish', payload: present, properties: { userProperties: { c: 'd' } } }),
    ],
    V5,
  ),
]
