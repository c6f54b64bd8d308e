/**
 * Nanoseconds per decoded and encoded packet, ours beside mqtt-packet: `node test/bench/micro/codec.ts`. Prints; asserts nothing.
 * Chunks of 64 packets, as a busy socket delivers them; the best of several rounds, since the machine is shared.
 */
import mqttPacket from 'mqtt-packet'
import { Decoder } from '../../../edge/wire/decoder.ts'
import { ackBytes, connackFrame, encodeProps, publishFrame } from '../../../edge/wire/encode.ts'
import { type PacketHandler, PUBACK } from '../../../edge/wire/packets.ts'

const ROUNDS = 9
const PER_CHUNK = 64

let sink = 0

/** Best of the rounds. `run` handles `packets` packets. */
function nsPerPacket(packets: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    const until = start + 60
    let runs = 0
    while (performance.now() < until) {
      for (let i = 0; i < 10; i++) run()
      runs += 10
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / (runs * packets))
  }
  return best
}

const handler: PacketHandler = {
  connect: packet => (sink += packet.keepAliveSec),
  publish: packet => (sink += packet.payload.length + packet.topic.length),
  ack: (_type, packetId) => (sink += packetId),
  subscribe: packet => (sink += packet.requests.length),
  unsubscribe: packet => (sink += packet.filters.length),
  pingreq: () => sink++,
  disconnect: () => sink++,
  auth: () => sink++,
  malformed(reason, detail) {
    throw new Error(`${reason}: ${detail}`)
  },
}
const limits = { maxConnectPacketBytes: 65_536, maxPacketBytes: 1 << 20 }

const connect = (version: 4 | 5): Buffer =>
  mqttPacket.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId: 'device-000123',
    clean: true,
    keepalive: 60,
    username: 'device-000123',
    password: Buffer.from('a password'),
    ...(version === 5 ? { properties: { sessionExpiryInterval: 3600, receiveMaximum: 100 } } : {}),
  })

function decodeRow(name: string, version: 4 | 5, packet: Buffer): void {
  const chunk = Buffer.concat(Array.from({ length: PER_CHUNK }, () => packet))
  const decoder = new Decoder(handler, limits)
  decoder.push(connect(version))
  const ours = nsPerPacket(PER_CHUNK, () => decoder.push(chunk))
  const parser = mqttPacket.parser({ protocolVersion: version })
  parser.on('packet', packet => (sink += packet.length ?? 0))
  const theirs = nsPerPacket(PER_CHUNK, () => parser.parse(chunk))
  print(`decode ${name}`, ours, theirs)
}

function print(name: string, ours: number, theirs: number): void {
  console.log(`${name.padEnd(44)}${ours.toFixed(0).padStart(8)}${theirs.toFixed(0).padStart(14)}`)
}

const topic = 'sensors/floor-3/temperature'
const payload = Buffer.alloc(64, 'x')
const publish = { cmd: 'publish', topic, payload, dup: false, retain: false, messageId: 77 } as const
const properties = {
  messageExpiryInterval: 60,
  contentType: 'application/json',
  userProperties: { trace: '0123456789abcdef' },
}

console.log(`${'ns per packet'.padEnd(44)}${'ours'.padStart(8)}${'mqtt-packet'.padStart(14)}`)
for (const version of [4, 5] as const) {
  for (const qos of [0, 1] as const)
    decodeRow(
      `PUBLISH v${version} QoS ${qos}, 64 B`,
      version,
      mqttPacket.generate({ ...publish, qos }, { protocolVersion: version }),
    )
}
decodeRow(
  'PUBLISH v5 QoS 1, properties',
  5,
  mqttPacket.generate({ ...publish, qos: 1, properties }, { protocolVersion: 5 }),
)
decodeRow('PUBACK v4', 4, mqttPacket.generate({ cmd: 'puback', messageId: 9 }))
decodeRow(
  'SUBSCRIBE v4, 1 filter',
  4,
  mqttPacket.generate({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'sensors/+/temperature', qos: 1 }] }),
)

{
  // Every packet another topic: nothing is in the cache
  const chunks = Array.from({ length: 400 }, (_, c) =>
    Buffer.concat(
      Array.from({ length: PER_CHUNK }, (_, i) =>
        mqttPacket.generate({ ...publish, qos: 0, topic: `sensors/${c * PER_CHUNK + i}/temperature` }),
      ),
    ),
  )
  const decoder = new Decoder(handler, limits)
  decoder.push(connect(4))
  let turn = 0
  const ours = nsPerPacket(PER_CHUNK, () => decoder.push(chunks[turn++ % 400]!))
  const parser = mqttPacket.parser()
  parser.on('packet', packet => (sink += packet.length ?? 0))
  print(
    'decode PUBLISH v4 QoS 0, 25,600 topics',
    ours,
    nsPerPacket(PER_CHUNK, () => parser.parse(chunks[turn++ % 400]!)),
  )
}

for (const version of [4, 5] as const) {
  const bytes = connect(version)
  const ours = nsPerPacket(1, () => new Decoder(handler, limits).push(bytes))
  const theirs = nsPerPacket(1, () => {
    const parser = mqttPacket.parser()
    parser.on('packet', packet => (sink += packet.length ?? 0))
    parser.parse(bytes)
  })
  print(`decode CONNECT v${version}, decoder made anew`, ours, theirs)
}

const none = new Uint8Array(0)
const props = encodeProps({ contentType: 'application/json', userProperties: [['trace', '0123456789abcdef']] })
for (const version of [4, 5] as const) {
  const options = { qos: 1, retain: false, dup: false, packetId: 77 } as const
  print(
    `encode PUBLISH v${version} QoS 1, 64 B`,
    nsPerPacket(1, () => (sink += publishFrame(version, topic, payload, none, options).bytes.length)),
    nsPerPacket(1, () => (sink += mqttPacket.generate({ ...publish, qos: 1 }, { protocolVersion: version }).length)),
  )
}
print(
  'encode PUBLISH v5 QoS 1, properties',
  nsPerPacket(1, () => {
    const options = { qos: 1, retain: false, dup: false, packetId: 77, expirySec: 60 } as const
    sink += publishFrame(5, topic, payload, props, options).bytes.length
  }),
  nsPerPacket(
    1,
    () => (sink += mqttPacket.generate({ ...publish, qos: 1, properties }, { protocolVersion: 5 }).length),
  ),
)
print(
  'encode PUBACK',
  nsPerPacket(1, () => (sink += ackBytes(PUBACK, 77).length)),
  nsPerPacket(1, () => (sink += mqttPacket.generate({ cmd: 'puback', messageId: 77 }).length)),
)
print(
  'encode CONNACK v5',
  nsPerPacket(
    1,
    () => (sink += connackFrame(5, { sessionPresent: false, reason: 0, receiveMaximum: 100, maximumQos: 1 }).length),
  ),
  nsPerPacket(
    1,
    () =>
      (sink += mqttPacket.generate(
        { cmd: 'connack', sessionPresent: false, reasonCode: 0, properties: { receiveMaximum: 100, maximumQoS: 1 } },
        { protocolVersion: 5 },
      ).length),
  ),
)
if (sink === 0) console.log(sink)
