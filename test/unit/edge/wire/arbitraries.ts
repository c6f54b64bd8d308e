/** fast-check generators of MQTT values, and of client packets in the shape mqtt-packet writes. */
import fc from 'fast-check'
import type { IConnectPacket, IPublishPacket, UserProperties as OracleUserProperties, Packet } from 'mqtt-packet'
import type { Version } from '../../../../edge/wire/packets.ts'

/** Any Unicode but U+0000 and surrogates. */
export const text = fc.string({ unit: 'binary', maxLength: 40 }).map(s => s.replaceAll('\0', '0'))
export const filledText = text.filter(s => s.length > 0)
const plain = (s: string) => s.replaceAll(/[+#]/g, '/')
export const topic = fc.oneof(
  fc.constantFrom('a', 'a/b', 'sensors/floor-3/temperature', '/', '$x/y'),
  filledText.map(plain),
  fc.string({ unit: 'binary-ascii', minLength: 100, maxLength: 300 }).map(s => plain(s.replaceAll('\0', '0'))),
)
export const data = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes))
export const packetId = fc.integer({ min: 1, max: 65_535 })
export const u16 = fc.integer({ min: 0, max: 65_535 })
export const u32 = fc.integer({ min: 0, max: 0xffffffff })
export const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
export const version = fc.constantFrom<Version>(3, 4, 5)
export const pairs = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 })
/** mqtt-packet reads back neither a name it saw with an empty value nor `__proto__`. */
export const readablePairs = fc
  .uniqueArray(fc.tuple(text, text), { minLength: 1, maxLength: 4, selector: ([name]) => name })
  .filter(list => list.every(([name]) => name !== '__proto__'))

/** As mqtt-packet wants them: values of one name together. */
export function oracleUserProperties(list: readonly (readonly [string, string])[]): OracleUserProperties {
  const grouped = new Map<string, string | string[]>()
  for (const [name, value] of list) {
    const old = grouped.get(name)
    grouped.set(name, old === undefined ? value : [...(Array.isArray(old) ? old : [old]), value])
  }
  return Object.fromEntries(grouped)
}

/** In the order mqtt-packet writes them. */
export const pairsOf = (grouped: OracleUserProperties | undefined): [string, string][] =>
  Object.entries(grouped ?? {}).flatMap(([name, values]) => [values].flat().map((v): [string, string] => [name, v]))

const userProperties = pairs.map(oracleUserProperties)
const optional = { requiredKeys: [] }

const messageProperties = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: u32,
  contentType: text,
  responseTopic: topic,
  correlationData: data,
  userProperties,
}

export const connect = (v: Version): fc.Arbitrary<IConnectPacket> =>
  fc
    .record(
      {
        clientId: filledText,
        clean: fc.boolean(),
        keepalive: u16,
        username: text,
        password: data,
        will: fc.record(
          {
            topic,
            payload: data,
            qos,
            retain: fc.boolean(),
            properties: fc.record({ willDelayInterval: u32, ...messageProperties }, optional),
          },
          { requiredKeys: ['topic', 'payload'] },
        ),
        properties: fc.record(
          {
            sessionExpiryInterval: u32,
            receiveMaximum: packetId,
            maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
            topicAliasMaximum: u16,
            requestResponseInformation: fc.boolean(),
            requestProblemInformation: fc.boolean(),
            userProperties,
            authenticationMethod: text,
            authenticationData: data,
          },
          optional,
        ),
      },
      { requiredKeys: ['clientId', 'clean', 'keepalive'] },
    )
    .map(p => {
      const { password, properties, ...rest } = p
      if (properties?.authenticationMethod === undefined) delete properties?.authenticationData
      return {
        ...rest,
        ...(rest.username !== undefined && password !== undefined ? { password } : {}),
        ...(properties === undefined ? {} : { properties }),
        cmd: 'connect',
        protocolId: v === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: v,
      }
    })

export const publish: fc.Arbitrary<IPublishPacket & { messageId: number }> = fc
  .record(
    {
      topic,
      payload: data,
      qos,
      dup: fc.boolean(),
      retain: fc.boolean(),
      messageId: packetId,
      properties: fc.record({ ...messageProperties, topicAlias: packetId }, optional),
    },
    { requiredKeys: ['topic', 'payload', 'qos', 'dup', 'retain', 'messageId'] },
  )
  .map(p => ({ ...p, dup: p.dup && p.qos > 0, cmd: 'publish' }))

const explanation = fc.record({ reasonString: text, userProperties }, optional)

/** All but CONNECT and PUBLISH. `reasonCode` is ignored before MQTT 5. */
export const otherPacket = (v: Version): fc.Arbitrary<Packet> => {
  const ack = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', ...reasons: number[]) =>
    fc.record({
      cmd: fc.constant(cmd),
      messageId: packetId,
      reasonCode: fc.constantFrom(0, ...reasons),
      properties: explanation,
    })
  const subscribe = fc.record({
    cmd: fc.constant('subscribe' as const),
    messageId: packetId,
    subscriptions: fc.array(
      fc.record({
        topic: filledText,
        qos,
        nl: fc.boolean(),
        rap: fc.boolean(),
        rh: fc.constantFrom(0, 1, 2),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    properties: fc.record(
      { subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }), userProperties },
      optional,
    ),
  })
  const unsubscribe = fc.record({
    cmd: fc.constant('unsubscribe' as const),
    messageId: packetId,
    unsubscriptions: fc.array(filledText, { minLength: 1, maxLength: 5 }),
    properties: fc.record({ userProperties }, optional),
  })
  const disconnect = fc.record({
    cmd: fc.constant('disconnect' as const),
    reasonCode: fc.constantFrom(0, 4, 0x80, 0x99),
    properties: fc.record({ sessionExpiryInterval: u32, reasonString: text, userProperties }, optional),
  })
  const auth = fc.record({
    cmd: fc.constant('auth' as const),
    reasonCode: fc.constantFrom(0x18, 0x19),
    properties: fc.record(
      { authenticationMethod: text, authenticationData: data, reasonString: text, userProperties },
      { requiredKeys: ['authenticationMethod'] },
    ),
  })
  return fc.oneof(
    ack('puback', 0x10, 0x97),
    ack('pubrec', 0x10, 0x99),
    ack('pubrel', 0x92),
    ack('pubcomp', 0x92),
    subscribe,
    unsubscribe,
    fc.constant({ cmd: 'pingreq' as const }),
    disconnect,
    ...(v === 5 ? [auth] : []),
  )
}
