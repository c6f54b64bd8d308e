/** MQTT messages as RocketMQ messages and back: names, templates, and what cannot be mapped. */
import { describe, expect, test } from 'vitest'
import { IN_PLACEHOLDERS, InMapping, isForeign } from '../../../../core/bridge/incoming.ts'
import { deadLetter, OutMapping, TAG_PLACEHOLDERS } from '../../../../core/bridge/outgoing.ts'
import { readForwarded, writeForwarded } from '../../../../core/bridge/properties.ts'
import { Template } from '../../../../core/bridge/template.ts'
import type { ClientKey } from '../../../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../../../core/contract/limits.ts'
import { messageKey } from '../../../../core/contract/message.ts'
import { encodeProps, readProps } from '../../../../edge/wire/props.ts'
import { bytes, incoming, inRule, message, outRule } from './rig.ts'

const mapIn = (rule: Parameters<typeof inRule>[0], ...args: Parameters<typeof incoming>) =>
  new InMapping(inRule(rule), DEFAULT_LIMITS).map(incoming(...args), 10_000)

describe('templates', () => {
  test.each([
    ['a/{nope}', "Template 'a/{nope}' has {nope}; known are {tag}, {key}, {topic}, {group}, {id}, {property:…}"],
    ['a/{property}', "Template 'a/{property}' has {property}; known are"],
    ['a/{tag:x}', "Template 'a/{tag:x}' has {tag:x}; known are"],
    ['a/{tag', "Template 'a/{tag' has a brace without its counterpart"],
    ['a}/b', "Template 'a}/b' has a brace without its counterpart"],
    ['{constructor}', "Template '{constructor}' has {constructor}; known are"],
  ])('%s is refused', (text, why) => {
    expect(() => new Template(text, IN_PLACEHOLDERS)).toThrow(why)
  })

  test('literal text, several placeholders, and the same twice', () => {
    const template = new Template('{level:1}-{clientId}/{level:1}', TAG_PLACEHOLDERS)
    expect(template.fill((name, argument) => name + argument, String)).toBe('level1-clientId/level1')
  })
})

describe('properties', () => {
  const all = {
    payloadFormat: 1,
    contentType: 'text/plain',
    responseTopic: 'answers/é',
    correlationData: Uint8Array.of(0, 255),
    userProperties: [
      ['a', '1'],
      ['a', ''],
    ] as [string, string][],
  }

  test('are read as the edge wrote them, and written so that it can read them', () => {
    const { userProperties, ...rest } = all
    const read = readForwarded(encodeProps(all))
    expect(read).toEqual({ ...rest, user: userProperties })
    expect(readProps(writeForwarded(read))).toEqual(all)
  })

  test('that end early or do not belong there are an error', () => {
    expect(() => readForwarded(Uint8Array.of(3, 0, 9, 65))).toThrow('Properties of 4 bytes end early')
    expect(() => readForwarded(Uint8Array.of(3, 0))).toThrow('end early')
    expect(() => readForwarded(Uint8Array.of(2, 0, 0, 0, 1))).toThrow('Property 2 at byte 0')
  })

  test('too long or with NUL are an error', () => {
    const user = (value: string) => () => writeForwarded({ ...readForwarded(new Uint8Array()), user: [['a', value]] })
    expect(user('x'.repeat(65_536))).toThrow("User property 'a' has 65536 bytes")
    expect(user('\0')).toThrow("User property 'a' has a NUL character")
  })
})

describe('out', () => {
  test('a message with everything', () => {
    const props = encodeProps({
      payloadFormat: 1,
      contentType: 'application/json',
      responseTopic: 'answers/d1',
      correlationData: Uint8Array.of(1, 2, 3),
      userProperties: [['unit', '°C']],
    })
    const m = message('site/7/temp', { qos: 2, retain: true, props, expiresAt: 99_000.5 })
    const mapped = new OutMapping(outRule({ tag: '{level:2}_{user:unit}_{clientId}' })).map(m, 5_000)
    expect(mapped).toEqual({
      topic: 'telemetry',
      body: bytes('21.5'),
      tag: '7_°C_d1',
      keys: [messageKey(m)],
      group: undefined,
      properties: new Map([
        ['user_unit', '°C'],
        ['mqttTopic', 'site/7/temp'],
        ['mqttClientId', 'd1'],
        ['mqttQos', '2'],
        ['mqttRetain', 'true'],
        ['mqttTimestamp', '5000'],
        ['mqttExpiresAt', '99001'],
        ['mqttPayloadFormat', '1'],
        ['mqttContentType', 'application/json'],
        ['mqttResponseTopic', 'answers/d1'],
        ['mqttCorrelationData', 'AQID'],
      ]),
    })
  })

  test('a message to one client has its whole address', () => {
    const m = message('hello', { target: ':d2' as ClientKey })
    expect(new OutMapping(outRule()).map(m, 0).properties.get('mqttTopic')).toBe('$p2p/d2/hello')
  })

  test('a user property cannot pass for one of the gateway', () => {
    const props = encodeProps({ userProperties: [['Topic', 'forged']] })
    const mapped = new OutMapping(outRule({ userPrefix: 'mqtt' })).map(message('real', { props }), 0)
    expect(mapped.properties.get('mqttTopic')).toBe('real')
  })

  test('an empty payload goes out as a byte that says so, and comes back empty', () => {
    const mapped = new OutMapping(outRule()).map(message('a', { payload: new Uint8Array() }), 0)
    expect(mapped.body).toEqual(Uint8Array.of(0))
    expect(mapped.properties.get('mqttEmpty')).toBe('true')
    expect(mapIn({}, { mqttEmpty: 'true' }, { body: mapped.body })!.payload.length).toBe(0)
  })

  test('what RocketMQ refuses in a text is encoded', () => {
    const props = encodeProps({ userProperties: [['a\n', 'b\u0001|']] })
    const mapped = new OutMapping(outRule({ tag: '{level:1}' })).map(message('a|\tb', { props }), 0)
    expect(mapped.tag).toBe('a%7C%09b')
    expect(mapped.properties.get('user_a%0A')).toBe('b%01|')
  })

  test('a tag of which nothing is left is none', () => {
    expect(new OutMapping(outRule({ tag: '{level:9}' })).map(message('a'), 0).tag).toBeUndefined()
  })

  test('message groups: the client, the topic, and a hash of what is too long for one', () => {
    const group = (fifo: 'client' | 'topic', topic = 'a', sender = ':d1') =>
      new OutMapping(outRule({ fifo })).group(message(topic, { sender: sender as ClientKey }))
    expect(group('client')).toBe('d1')
    expect(group('topic', 'a/b')).toBe('a/b')
    expect(group('client', 'a', '')).toBe('a')
    expect(group('topic', 'x'.repeat(65))).toMatch(/^#[0-9a-f]{16}$/)
    expect(group('topic', 'x'.repeat(66))).not.toBe(group('topic', 'x'.repeat(65)))
    expect(group('topic', 'mit leer')).toMatch(/^#/)
  })

  test('a dead letter keeps body, key and tag, says why, and leaves user properties out', () => {
    const props = encodeProps({ userProperties: [['a', 'b']] })
    const mapped = new OutMapping(outRule({ tag: 't', fifo: 'client' })).map(message('x', { props }), 0)
    const dead = deadLetter(mapped, 'dead', 'Too\nlarge')
    expect(dead).toMatchObject({ topic: 'dead', tag: 't', keys: mapped.keys, body: mapped.body, group: undefined })
    expect(dead.properties.get('mqttError')).toBe('Too%0Alarge')
    expect(dead.properties.get('mqttDeadTopic')).toBe('telemetry')
    expect(dead.properties.has('user_a')).toBe(false)
  })
})

describe('in', () => {
  test('what the rule says, if the message says nothing', () => {
    const mapped = mapIn({ to: 'devices/{property:id}/cmd', qos: 2, retain: true, expirySec: 60 }, { id: '7' })
    expect(mapped).toMatchObject({ topic: 'devices/7/cmd', qos: 2, retain: true, expiresAt: 70_000, target: '' })
    expect(isForeign(mapped!.sender!)).toBe(true)
    expect(mapped!.payload).toEqual(bytes('on'))
  })

  test('what the message says comes first', () => {
    const mapped = mapIn(
      { qos: 2, retain: true, expirySec: 60 },
      {
        mqttQos: '0',
        mqttRetain: 'false',
        mqttExpirySec: '5',
        mqttContentType: 'a/b',
        mqttResponseTopic: 'r',
        mqttCorrelationData: 'AP8=',
        mqttPayloadFormat: '1',
        user_unit: 'C',
        other: 'not passed on',
      },
    )
    expect(mapped).toMatchObject({ qos: 0, retain: false, expiresAt: 15_000 })
    expect(readProps(mapped!.props!)).toEqual({
      payloadFormat: 1,
      contentType: 'a/b',
      responseTopic: 'r',
      correlationData: Uint8Array.of(0, 255),
      userProperties: [['unit', 'C']],
    })
  })

  test('every placeholder', () => {
    const rest = { tag: 'T', keys: ['K', 'L'], group: 'G', id: 'I' }
    const mapped = mapIn({ to: '{tag}/{key}/{topic}/{group}/{id}/{property:p}' }, { p: 'x/y' }, rest)
    expect(mapped!.topic).toBe('T/K/commands/G/I/x/y')
  })

  test('one client, never retained', () => {
    const mapped = mapIn({ clientId: '{property:to}', retain: true, tenant: 'acme' }, { to: 'd:1' })
    expect(mapped).toMatchObject({ tenant: 'acme', target: 'acme:d:1', retain: false })
  })

  test('an expired message is none', () => {
    expect(mapIn({}, { mqttExpiresAt: '9999' })).toBeUndefined()
  })

  test.each([
    ['a wildcard in a value', { to: 'a/{property:x}' }, { x: '#' }, "Topic name 'a/#' has the wildcard '#'"],
    ['a missing value', { to: 'a/{property:x}' }, {}, "Template 'a/{property:x}' needs {property:x}"],
    ['a missing tag', { to: 'a/{tag}' }, {}, "Template 'a/{tag}' needs {tag}"],
    ['a topic of the gateway', { to: '{property:x}' }, { x: '$SYS/a' }, "Topic name '$SYS/a' begins with '$'"],
    ['a topic to one client', { to: '{property:x}' }, { x: '$p2p/a/b' }, "begins with '$'"],
    ['NUL in the topic', { to: '{property:x}' }, { x: 'a\0' }, 'Topic name has a NUL character'],
    ['too many levels', { to: '{property:x}' }, { x: '/'.repeat(200) }, 'has 201 levels, 128 are allowed'],
    ['a client id that is too long', { clientId: '{property:x}' }, { x: 'é'.repeat(129) }, 'is too long'],
    ['an unknown QoS', {}, { mqttQos: '3' }, "Property mqttQos is '3', allowed are 0, 1 and 2"],
    ['no boolean', {}, { mqttRetain: 'yes' }, "Property mqttRetain is 'yes'"],
    ['no number', {}, { mqttExpirySec: '-1' }, "Property mqttExpirySec is '-1', not a whole number"],
    ['a payload format', {}, { mqttPayloadFormat: '2' }, "Property mqttPayloadFormat is '2'"],
    ['a response topic', {}, { mqttResponseTopic: 'a/+' }, "Response topic: Topic name 'a/+' has the wildcard '+'"],
    ['correlation data', {}, { mqttCorrelationData: '%' }, "Base64 text '%' is none"],
    ['a user property', {}, { user_x: 'a\0b' }, "User property 'x' has a NUL character"],
  ])('refused: %s', (_, rule, properties, why) => {
    expect(() => mapIn(rule, properties as Record<string, string>)).toThrow(why)
  })

  test('refused: a body beyond the largest packet', () => {
    expect(() => mapIn({}, {}, { body: new Uint8Array(1024 * 1024 + 1) })).toThrow('Body has 1048577 bytes')
  })
})
