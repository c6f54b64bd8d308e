/** The decoder: against what mqtt-packet writes, over any cut of the stream, and where the standard leaves room. Encodes nothing of ours but properties. */
import fc from 'fast-check'
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import type { TopicName } from '../../../../core/contract/ids.ts'
import { Decoder } from '../../../../edge/wire/decoder.ts'
import { encodeProps } from '../../../../edge/wire/encode.ts'
import type { Connect, Publish, Version } from '../../../../edge/wire/packets.ts'
import { connect, data, otherPacket, pairsOf, publish, version } from './arbitraries.ts'
import {
  bytes,
  connected,
  decode,
  field,
  LIMITS,
  packet,
  plainConnect,
  props,
  Recorder,
  type Seen,
  varint,
} from './recorder.ts'

const plain = (data: Uint8Array | string | undefined): Uint8Array | undefined =>
  data === undefined ? undefined : new Uint8Array(Buffer.from(data))

/** mqtt-packet writes properties in the order of the object's keys. */
function forwardable(properties: IPublishPacket['properties']): Uint8Array {
  const parts: Record<string, Uint8Array> = {
    payloadFormatIndicator: encodeProps({ payloadFormat: properties?.payloadFormatIndicator ? 1 : 0 }),
    contentType: encodeProps({ contentType: properties?.contentType }),
    responseTopic: encodeProps({ responseTopic: properties?.responseTopic }),
    correlationData: encodeProps({ correlationData: properties?.correlationData }),
    userProperties: encodeProps({ userProperties: pairsOf(properties?.userProperties) }),
  }
  return bytes(...Object.keys(properties ?? {}).map(name => parts[name] ?? bytes()))
}

function expectedConnect(p: IConnectPacket, v: Version): Connect {
  const five = v === 5 ? p.properties : undefined
  const willProperties = v === 5 ? p.will?.properties : undefined
  return {
    version: v,
    clientId: p.clientId,
    cleanStart: p.clean ?? false,
    keepAliveSec: p.keepalive ?? 0,
    username: p.username,
    password: plain(p.password),
    will: p.will && {
      topic: p.will.topic as TopicName,
      payload: plain(p.will.payload) ?? bytes(),
      qos: p.will.qos ?? 0,
      retain: p.will.retain ?? false,
      props: encodeProps({
        payloadFormat:
          willProperties?.payloadFormatIndicator === undefined
            ? undefined
            : Number(willProperties.payloadFormatIndicator),
        contentType: willProperties?.contentType,
        responseTopic: willProperties?.responseTopic,
        correlationData: willProperties?.correlationData,
        userProperties: pairsOf(willProperties?.userProperties),
      }),
      delaySec: willProperties?.willDelayInterval ?? 0,
      expirySec: willProperties?.messageExpiryInterval,
    },
    sessionExpirySec: five?.sessionExpiryInterval,
    receiveMaximum: five?.receiveMaximum,
    maximumPacketSize: five?.maximumPacketSize,
    topicAliasMaximum: five?.topicAliasMaximum,
    requestResponseInformation: five?.requestResponseInformation ?? false,
    requestProblemInformation: five?.requestProblemInformation ?? true,
    userProperties: pairsOf(five?.userProperties),
    authenticationMethod: five?.authenticationMethod,
    authenticationData: plain(five?.authenticationData),
  }
}

function expectedPublish(p: IPublishPacket, v: Version): Publish {
  const five = v === 5 ? p.properties : undefined
  return {
    topic: p.topic as Publish['topic'],
    payload: plain(p.payload) ?? bytes(),
    qos: p.qos,
    dup: p.dup,
    retain: p.retain,
    packetId: p.qos === 0 ? 0 : (p.messageId ?? 0),
    props: forwardable(five),
    alias: five?.topicAlias ?? 0,
    expirySec: five?.messageExpiryInterval ?? -1,
    utf8Payload: five?.payloadFormatIndicator ?? false,
  }
}

function expectedOther(p: Packet, v: Version): Seen {
  const five = v === 5
  switch (p.cmd) {
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp': {
      const type = ['puback', 'pubrec', 'pubrel', 'pubcomp'].indexOf(p.cmd) + 4
      return { is: 'ack', type, packetId: p.messageId ?? 0, reason: five ? (p.reasonCode ?? 0) : 0 }
    }
    case 'subscribe':
      return {
        is: 'subscribe',
        packet: {
          packetId: p.messageId ?? 0,
          id: five ? (p.properties?.subscriptionIdentifier ?? 0) : 0,
          requests: p.subscriptions.map(s => ({
            filter: s.topic,
            qos: s.qos,
            noLocal: five && (s.nl ?? false),
            retainAsPublished: five && (s.rap ?? false),
            retainHandling: (five ? (s.rh ?? 0) : 0) as 0 | 1 | 2,
          })),
        },
      }
    case 'unsubscribe':
      return { is: 'unsubscribe', packet: { packetId: p.messageId ?? 0, filters: p.unsubscriptions } }
    case 'disconnect':
      return {
        is: 'disconnect',
        packet: {
          reason: five ? (p.reasonCode ?? 0) : 0,
          sessionExpirySec: five ? p.properties?.sessionExpiryInterval : undefined,
        },
      }
    case 'auth':
      return {
        is: 'auth',
        packet: {
          reason: p.reasonCode,
          method: p.properties?.authenticationMethod,
          data: plain(p.properties?.authenticationData),
        },
      }
    default:
      return { is: 'pingreq' }
  }
}

const generate = (p: Packet, v: Version): Buffer => mqttPacket.generate(p, { protocolVersion: v })
const withVersion = <T>(make: (v: Version) => fc.Arbitrary<T>) => version.chain(v => fc.tuple(fc.constant(v), make(v)))

describe('what mqtt-packet writes is decoded to the same', () => {
  test('CONNECT', () => {
    fc.assert(
      fc.property(withVersion(connect), ([v, p]) => {
        expect(decode(0, generate(p, v))).toEqual([{ is: 'connect', packet: expectedConnect(p, v) }])
      }),
    )
  })

  test('PUBLISH', () => {
    fc.assert(
      fc.property(version, publish, (v, p) => {
        expect(decode(v, new Uint8Array(generate(p, v)))).toEqual([{ is: 'publish', packet: expectedPublish(p, v) }])
      }),
      { numRuns: 500 },
    )
  })

  test('all others', () => {
    fc.assert(
      fc.property(withVersion(otherPacket), ([v, p]) => {
        expect(decode(v, generate(p, v))).toEqual([expectedOther(p, v)])
      }),
      { numRuns: 500 },
    )
  })
})

describe('framing', () => {
  const stream = withVersion(v =>
    fc.array(fc.oneof(publish, otherPacket(v)), { maxLength: 8 }).map(list => list.map(p => generate(p, v))),
  )

  test('the same packets come out however the stream is cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), ([v, packets], cuts) => {
        const all = Buffer.concat([plainConnect(v), ...packets])
        const at = [0, ...cuts.map(cut => cut % (all.length + 1)).sort((a, b) => a - b), all.length]
        const chunks = at.slice(1).map((end, i) => all.subarray(at[i], end))
        const whole = decode(0, all)
        expect(whole).toHaveLength(packets.length + 1)
        expect(decode(0, ...chunks)).toEqual(whole)
        expect(decode(0, ...Array.from(all, byte => bytes(byte)))).toEqual(whole)
      }),
    )
  })

  test('views of packets that came in pieces are not overwritten by the next', () => {
    const first = packet(0x30, field('a'), 'first')
    const second = packet(0x30, field('a'), 'again')
    const seen = decode(4, first.subarray(0, 4), bytes(first.subarray(4), second.subarray(0, 4)), second.subarray(4))
    expect(seen.map(s => (s.is === 'publish' ? Buffer.from(s.packet.payload).toString() : s.is))).toEqual([
      'first',
      'again',
    ])
  })

  test('random bytes never throw, and nothing follows a malformed packet', () => {
    fc.assert(
      fc.property(version, fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (v, chunks) => {
        const seen = decode(v, ...chunks)
        expect(seen.slice(0, -1).some(s => s.is === 'malformed')).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  test('valid packets with bytes changed never throw', () => {
    const broken = withVersion(v => fc.oneof(connect(v), publish, otherPacket(v)).map(p => generate(p, v)))
    fc.assert(
      fc.property(
        broken,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        ([v, p], changes) => {
          for (const [at, byte] of changes) p[at % p.length] = byte
          decode(p[0]! >> 4 === 1 ? 0 : v, p)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('a packet too large is refused at its fixed header, before anything is kept [MQTT-3.1.2-24]', () => {
    const { decoder, recorder } = connected(5, { maxConnectPacketBytes: 50, maxPacketBytes: 100 })
    decoder.push(bytes(0x30, 99, 0, 1, 'a')) // 101 bytes are announced
    expect(recorder.seen).toMatchObject([{ is: 'malformed', reason: 0x95 }])
  })

  test('a packet of exactly the limit passes, one byte more does not', () => {
    const { decoder, recorder } = connected(4, { maxConnectPacketBytes: 50, maxPacketBytes: 100 })
    const hundred = packet(0x30, field('a'), new Uint8Array(95))
    decoder.push(hundred)
    expect(recorder.seen).toMatchObject([{ is: 'publish' }])
    decoder.push(packet(0x30, field('a'), new Uint8Array(96)))
    expect(recorder.seen[1]).toMatchObject({ is: 'malformed', reason: 0x95 })
  })

  test('before CONNECT another limit holds (CVE-2017-7651)', () => {
    const { decoder, recorder } = connected(0, { maxConnectPacketBytes: 50, maxPacketBytes: 1000 })
    decoder.push(bytes(0x10, varint(49)))
    expect(recorder.seen).toMatchObject([{ is: 'malformed', reason: 0x95 }])
  })

  test('after stop() from a callback the rest of the chunk is dropped', () => {
    const { decoder, recorder } = connected(4)
    recorder.after = () => decoder.stop()
    decoder.push(bytes(0xc0, 0, 0xc0, 0, 0x00))
    decoder.push(bytes(0xc0, 0))
    expect(recorder.seen).toEqual([{ is: 'pingreq' }])
  })

  test('stop() in the callback of a packet that came in pieces', () => {
    const { decoder, recorder } = connected(4)
    recorder.after = () => decoder.stop()
    decoder.push(bytes(0xc0))
    decoder.push(bytes(0, 0xc0, 0))
    expect(recorder.seen).toEqual([{ is: 'pingreq' }])
  })

  test('what a handler throws reaches the caller of push, and the decoder is stopped', () => {
    const { decoder, recorder } = connected(4)
    recorder.after = () => {
      throw new Error('Handler failed')
    }
    expect(() => decoder.push(bytes(0xc0, 0, 0xc0, 0))).toThrow('Handler failed')
    decoder.push(bytes(0xc0, 0))
    expect(recorder.seen).toHaveLength(1)
  })

  test('a remaining length in more bytes than needed is fine before MQTT 5', () => {
    expect(decode(4, bytes(0xc0, 0x80, 0x80, 0))).toEqual([{ is: 'pingreq' }])
  })
})

describe('CONNECT by hand', () => {
  test('version and connectVersion tell what the client asked for', () => {
    const versions = (chunk: Uint8Array) => {
      const decoder = new Decoder(new Recorder(), LIMITS)
      decoder.push(chunk)
      return [decoder.version, decoder.connectVersion]
    }
    expect(versions(bytes())).toEqual([0, undefined])
    expect(versions(plainConnect(3))).toEqual([3, 3])
    expect(versions(plainConnect(5))).toEqual([5, 5])
    expect(versions(packet(0x10, field('MQTT'), 6))).toEqual([0, 6])
    expect(versions(packet(0x10, field('MQTT'), 0x84))).toEqual([0, 0x84])
    // The level is known, the rest is broken: a CONNACK of MQTT 5 can say so
    expect(versions(packet(0x10, field('MQTT'), 5, 1, 0, 0, 0, field('c')))).toEqual([5, 5])
  })

  test('a password without a user name is allowed in MQTT 5', () => {
    const seen = decode(0, packet(0x10, field('MQTT'), 5, 0x42, 0, 0, 0, field('c'), field('secret')))
    expect(seen).toMatchObject([{ packet: { username: undefined, password: bytes('secret') } }])
  })

  test('MQTT 3.1 lets a client leave out fields whose flags are set', () => {
    const seen = decode(0, packet(0x10, field('MQIsdp'), 3, 0xc2, 0, 0, field('c')))
    expect(seen).toMatchObject([{ packet: { version: 3, username: undefined, password: undefined } }])
  })

  test('an empty client id is left to the session', () => {
    expect(decode(0, packet(0x10, field('MQTT'), 4, 0, 0, 0, field('')))).toMatchObject([{ packet: { clientId: '' } }])
  })

  test('what it returns does not hang on the read buffer', () => {
    const chunk = packet(
      0x10,
      field('MQTT'),
      4,
      0xc6,
      0,
      0,
      field('c'),
      field('w'),
      field('will'),
      field('u'),
      field('p'),
    )
    const [seen] = decode(0, chunk)
    chunk.fill(0)
    expect(seen).toMatchObject({ packet: { password: bytes('p'), will: { payload: bytes('will') } } })
  })
})

describe('small freedoms of the standard', () => {
  test('acks of MQTT 5 with length 2, 3, and 4 [MQTT5 3.4.2.1, 3.4.2.2.1]', () => {
    const ack = (reason: number) => ({ is: 'ack', type: 4, packetId: 258, reason })
    expect(decode(5, packet(0x40, 1, 2))).toEqual([ack(0)])
    expect(decode(5, packet(0x40, 1, 2, 0x10))).toEqual([ack(0x10)])
    expect(decode(5, packet(0x40, 1, 2, 0x97, 0))).toEqual([ack(0x97)])
  })

  test('DISCONNECT of MQTT 5 with length 0 and 1 [MQTT5 3.14.2.1]', () => {
    expect(decode(5, packet(0xe0))).toEqual([{ is: 'disconnect', packet: { reason: 0, sessionExpirySec: undefined } }])
    expect(decode(5, packet(0xe0, 4))).toMatchObject([{ packet: { reason: 4 } }])
  })

  test('3.1 clients set DUP on what they send again', () => {
    expect(decode(3, packet(0x6a, 0, 7))).toEqual([{ is: 'ack', type: 6, packetId: 7, reason: 0 }])
    expect(decode(4, packet(0x6a, 0, 7))).toMatchObject([{ is: 'malformed', reason: 0x81 }])
  })

  test('a byte order mark is part of the string [MQTT-1.5.4-3]', () => {
    expect(decode(4, packet(0x30, field('\uFEFFa')))).toMatchObject([{ packet: { topic: '\uFEFFa' } }])
  })

  test('a topic alias stands for the topic name', () => {
    expect(decode(5, packet(0x30, field(''), props(35, 0, 9)))).toMatchObject([{ packet: { topic: '', alias: 9 } }])
  })

  test('forwardable properties keep their order when others lie between them [MQTT-3.3.2-18]', () => {
    const a = bytes(38, field('k'), field('1'))
    const b = bytes(3, field('text/plain'))
    const c = bytes(38, field('k'), field('2'))
    const expiry = bytes(2, 0, 0, 0, 60)
    const alias = bytes(35, 0, 3)
    for (const list of [
      [a, expiry, b, alias, c],
      [expiry, a, b, c, alias],
      [alias, a, expiry, b, c],
      [expiry, alias, a, b, c],
    ]) {
      const [seen] = decode(5, packet(0x30, field('t'), props(...list), 'x'))
      expect(seen).toMatchObject({
        packet: { props: bytes(a, b, c), expirySec: 60, alias: 3, payload: bytes('x') },
      })
    }
  })

  test('the topic cache tells topics apart', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '/', 'ü'), minLength: 1 })),
        data,
        (topics, payload) => {
          const seen = decode(4, ...topics.map(t => packet(0x30, field(t), payload)))
          expect(seen.map(s => (s.is === 'publish' ? s.packet.topic : s.is))).toEqual(topics)
        },
      ),
    )
  })
})
