/** The encoders: mqtt-packet must read what they write. Does not decode with our own decoder. */
import fc from 'fast-check'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import {
  ackBytes,
  ackFrame,
  authFrame,
  connackFrame,
  disconnectFrame,
  encodeProps,
  pingresp,
  publishFrame,
  readProps,
  subackFrame,
  unsubackFrame,
} from '../../../../edge/wire/encode.ts'
import type { AckType, UserProperties, Version } from '../../../../edge/wire/packets.ts'
import {
  data,
  oracleUserProperties,
  packetId,
  qos,
  readablePairs,
  text,
  topic,
  u16,
  u32,
  version,
} from './arbitraries.ts'
import { bytes } from './recorder.ts'

/** What mqtt-packet makes of the bytes, as plain values; properties and all. */
function parse(v: Version, frame: Uint8Array): Record<string, unknown> {
  const seen: Packet[] = []
  const parser = mqttPacket.parser({ protocolVersion: v })
  parser.on('packet', packet => seen.push(packet))
  parser.on('error', error => expect.fail(String(error)))
  expect(parser.parse(Buffer.from(frame))).toBe(0)
  expect(seen).toHaveLength(1)
  return { ...seen[0] }
}

/** Named as mqtt-packet names them; undefined ones left out. */
function oracle(values: Record<string, unknown>, userProperties?: UserProperties): Record<string, unknown> {
  const named: Record<string, unknown> = Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  )
  if (userProperties !== undefined && userProperties.length > 0)
    named.userProperties = Object.assign(Object.create(null), oracleUserProperties(userProperties))
  return named
}

const propertiesOf = (packet: Record<string, unknown>): Record<string, unknown> => ({ ...(packet.properties ?? {}) })
const optional = { requiredKeys: [] }
const messageProperties = fc.record(
  {
    payloadFormat: fc.constantFrom(0, 1),
    contentType: text,
    responseTopic: topic,
    correlationData: data.map(d => new Uint8Array(d)),
    userProperties: readablePairs,
  },
  optional,
)
const explanation = fc.record({ reasonString: text, userProperties: readablePairs }, optional)

describe('mqtt-packet reads what is written', () => {
  test('PUBLISH', () => {
    const options = fc.record(
      {
        qos,
        retain: fc.boolean(),
        dup: fc.boolean(),
        packetId,
        expirySec: fc.oneof(fc.constant(-1), u32),
        subscriptionIds: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 3 }),
        alias: u16,
        omitTopic: fc.boolean(),
      },
      { requiredKeys: ['qos', 'retain', 'dup', 'packetId'] },
    )
    const payload = fc.oneof(data, fc.constantFrom(new Uint8Array(120), new Uint8Array(16_300), new Uint8Array(70_000)))
    fc.assert(
      fc.property(version, topic, payload, messageProperties, options, (v, name, payload, message, o) => {
        const frame = publishFrame(v, name, payload, encodeProps(message), o)
        const packet = parse(v, frame.bytes)
        expect(packet).toMatchObject({
          cmd: 'publish',
          topic: v === 5 && o.omitTopic ? '' : name,
          payload: Buffer.from(payload),
          qos: o.qos,
          retain: o.retain,
          dup: o.dup,
        })
        expect(packet.messageId).toBe(o.qos > 0 ? o.packetId : undefined)
        expect(frame.packetIdAt > 0).toBe(o.qos > 0)
        if (v < 5) return
        const { userProperties, payloadFormat, correlationData, ...same } = message
        const ids = o.subscriptionIds ?? []
        expect(propertiesOf(packet)).toEqual(
          oracle(
            {
              ...same,
              payloadFormatIndicator: payloadFormat === undefined ? undefined : payloadFormat === 1,
              correlationData: correlationData && Buffer.from(correlationData),
              messageExpiryInterval: (o.expirySec ?? -1) >= 0 ? o.expirySec : undefined,
              topicAlias: o.alias || undefined,
              subscriptionIdentifier: ids.length > 1 ? ids : ids[0],
            },
            userProperties,
          ),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('CONNACK of MQTT 5 with every property', () => {
    const all = fc.record(
      {
        sessionExpirySec: u32,
        receiveMaximum: packetId,
        maximumQos: fc.constantFrom(0, 1),
        retainAvailable: fc.boolean(),
        maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
        assignedClientId: text,
        topicAliasMaximum: u16,
        reasonString: text,
        wildcardSubscriptionAvailable: fc.boolean(),
        subscriptionIdentifiersAvailable: fc.boolean(),
        sharedSubscriptionAvailable: fc.boolean(),
        serverKeepAliveSec: u16,
        responseInformation: text,
        serverReference: text,
        authenticationMethod: text,
        authenticationData: data.map(d => new Uint8Array(d)),
        userProperties: readablePairs,
      },
      optional,
    )
    fc.assert(
      fc.property(all, fc.boolean(), fc.constantFrom(0, 0x87, 0x9c), (p, sessionPresent, reason) => {
        const packet = parse(5, connackFrame(5, { ...p, sessionPresent, reason }))
        expect(packet).toMatchObject({
          cmd: 'connack',
          reasonCode: reason,
          sessionPresent: sessionPresent && reason === 0, // [MQTT-3.2.2-6]
        })
        const { sessionExpirySec, maximumQos, assignedClientId, serverKeepAliveSec, userProperties, ...same } = p
        expect(propertiesOf(packet)).toEqual(
          oracle(
            {
              ...same,
              authenticationData: p.authenticationData && Buffer.from(p.authenticationData),
              sessionExpiryInterval: sessionExpirySec,
              maximumQoS: maximumQos,
              assignedClientIdentifier: assignedClientId,
              serverKeepAlive: serverKeepAliveSec,
            },
            userProperties,
          ),
        )
      }),
    )
  })

  test('acks', () => {
    const type = fc.constantFrom<AckType>(4, 5, 6, 7)
    fc.assert(
      fc.property(version, type, packetId, fc.nat(1), fc.option(explanation), (v, type, id, refused, why) => {
        const reason = refused === 0 ? 0 : type < 6 ? 0x97 : 0x92
        const packet = parse(v, ackFrame(v, type, id, reason, why ?? undefined))
        expect(packet).toMatchObject({ cmd: ['puback', 'pubrec', 'pubrel', 'pubcomp'][type - 4], messageId: id })
        if (v < 5) return
        expect(packet.reasonCode ?? 0).toBe(reason)
        expect(propertiesOf(packet)).toEqual(oracle({ reasonString: why?.reasonString }, why?.userProperties))
        expect(parse(v, ackBytes(type, id))).toMatchObject({ messageId: id })
      }),
    )
  })

  test('SUBACK and UNSUBACK', () => {
    const codes = fc.array(fc.constantFrom(0, 1, 2, 0x80, 0x87, 0x8f), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(version, packetId, codes, explanation, (v, id, codes, why) => {
        const suback = parse(v, subackFrame(v, id, codes, why))
        const granted = codes.map(code => (v < 5 && code > 0x80 ? 0x80 : code)) // [MQTT-3.9.3-2] of 3.1.1
        expect(suback).toMatchObject({ cmd: 'suback', messageId: id, granted })
        const unsub = codes.map(code => (code < 0x80 ? 0 : code))
        const unsuback = parse(v, unsubackFrame(v, id, unsub, why))
        expect(unsuback).toMatchObject({ cmd: 'unsuback', messageId: id })
        if (v < 5) return
        expect(unsuback.granted).toEqual(unsub)
        for (const packet of [suback, unsuback])
          expect(propertiesOf(packet)).toEqual(oracle({ reasonString: why.reasonString }, why.userProperties))
      }),
    )
  })

  test('DISCONNECT and AUTH', () => {
    fc.assert(
      fc.property(explanation, text, data, (why, name, secret) => {
        const disconnect = parse(5, disconnectFrame(0x9c, { ...why, serverReference: name }))
        expect(disconnect).toMatchObject({ cmd: 'disconnect', reasonCode: 0x9c })
        expect(propertiesOf(disconnect)).toEqual(
          oracle({ reasonString: why.reasonString, serverReference: name }, why.userProperties),
        )
        const auth = parse(5, authFrame(0x18, name, new Uint8Array(secret), why))
        expect(auth).toMatchObject({ cmd: 'auth', reasonCode: 0x18 })
        expect(propertiesOf(auth)).toEqual(
          oracle(
            { reasonString: why.reasonString, authenticationMethod: name, authenticationData: secret },
            why.userProperties,
          ),
        )
      }),
    )
  })
})

describe('by hand', () => {
  test('CONNACK before MQTT 5: its own codes; no Session Present before 3.1.1 [MQTT-3.2.2-1, -4 of 3.1.1]', () => {
    expect(connackFrame(4, { sessionPresent: true, reason: 0 })).toEqual(bytes(0x20, 2, 1, 0))
    expect(connackFrame(4, { sessionPresent: true, reason: 0x86 })).toEqual(bytes(0x20, 2, 0, 4))
    expect(connackFrame(3, { sessionPresent: true, reason: 0 })).toEqual(bytes(0x20, 2, 0, 0))
    expect(connackFrame(4, { sessionPresent: false, reason: 0x88, reasonString: 'Gone' })).toEqual(bytes(0x20, 2, 0, 3))
  })

  test('an ack without anything to explain has four bytes', () => {
    for (const v of [3, 4, 5] as const) expect(ackFrame(v, 6, 258, 0, {})).toEqual(bytes(0x62, 2, 1, 2))
    expect(ackFrame(5, 4, 1, 0x10)).toEqual(bytes(0x40, 3, 0, 1, 0x10))
    expect(ackFrame(4, 4, 1, 0x87)).toEqual(bytes(0x40, 2, 0, 1))
  })

  test('PINGRESP', () => {
    expect(pingresp).toEqual(bytes(0xd0, 0))
  })

  test('frames do not share bytes', () => {
    const frames = Array.from({ length: 500 }, (_, i) => ackBytes(4, i + 1))
    expect(frames.map(f => (f[2]! << 8) | f[3]!)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })

  test('strings longer than MQTT can say are refused', () => {
    const long = 'ü'.repeat(33_000)
    const options = { qos: 0, retain: false, dup: false, packetId: 0 } as const
    expect(() => publishFrame(4, long, bytes(), bytes(), options)).toThrow(RangeError)
    expect(() => disconnectFrame(0x80, { reasonString: long })).toThrow(RangeError)
    expect(() => encodeProps({ correlationData: new Uint8Array(65_536) })).toThrow(RangeError)
  })

  test('readProps reads what encodeProps writes', () => {
    fc.assert(
      fc.property(messageProperties, message => {
        const { userProperties = [], ...same } = message
        expect(readProps(encodeProps(message))).toEqual(userProperties.length > 0 ? { ...same, userProperties } : same)
      }),
    )
    expect(() => readProps(bytes(3, 0, 9))).toThrow('Message properties ends inside a field')
  })
})
