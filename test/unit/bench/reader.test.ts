/** The generator's own frames and readers: a chunk cut anywhere gives the same accounting and the same acknowledgements. */
import { generate, parser } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { connectFrame, FrameCursor, publishTemplate, skipCounted, subscribeFrame } from '../../bench/load/frames.ts'
import { Ledger, ledgerBits } from '../../bench/load/ledger.ts'
import { filterOf, parseLoadOptions, streamOf, topicOf } from '../../bench/load/options.ts'
import { readPublisher, readSeq, readTimeUs, writeStamp } from '../../bench/load/payload.ts'
import type { Connection } from '../../bench/load/socket.ts'
import { subscriberReader } from '../../bench/load/subscriber.ts'
import { liveBytes, Tally } from '../../bench/load/tally.ts'

const parsed = (bytes: Buffer, version: number): unknown[] => {
  const packets: unknown[] = []
  const p = parser({ protocolVersion: version })
  p.on('packet', packet => packets.push(packet))
  p.parse(bytes)
  return packets
}

describe('frames are what mqtt-packet reads', () => {
  for (const version of [4, 5] as const) {
    test(`MQTT ${version}`, () => {
      expect(parsed(connectFrame(version, 'me'), version)[0]).toMatchObject({
        cmd: 'connect',
        clientId: 'me',
        clean: true,
      })
      expect(parsed(subscribeFrame(version, 'a/#', 1), version)[0]).toMatchObject({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'a/#', qos: 1 }],
      })
      const { bytes, packetIdAt, payloadAt } = publishTemplate(version, 'a/b', 2, 200, true)
      bytes.writeUInt16BE(77, packetIdAt)
      bytes[payloadAt] = 9
      const [publish] = parsed(bytes, version) as [{ payload: Buffer }]
      expect(publish).toMatchObject({ cmd: 'publish', topic: 'a/b', qos: 2, retain: true, messageId: 77 })
      expect([publish.payload.length, publish.payload[0]]).toEqual([200, 9])
    })
  }
})

test('the stamp of a payload reads as it was written, beyond 32 bits too', () => {
  const payload = Buffer.alloc(20)
  writeStamp(payload, 3, 987_654_321_012_345, 4_000_000_000, 123_456)
  expect([readTimeUs(payload, 3), readPublisher(payload, 3), readSeq(payload, 3)]).toEqual([
    987_654_321_012_345, 4_000_000_000, 123_456,
  ])
})

test('a cursor wants the whole frame and reads lengths of several bytes', () => {
  const frame = generate({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(300), qos: 0, dup: false, retain: false })
  const cursor = new FrameCursor()
  for (let to = 0; to < frame.length; to++) expect(cursor.next(frame, 0, to)).toBe(false)
  expect(cursor.next(frame, 0, frame.length)).toBe(true)
  expect([cursor.head, cursor.body, cursor.end]).toEqual([0x30, 3, frame.length])
  expect(skipCounted(Uint8Array.of(9, 3, 1, 1, 1, 9), 1)).toBe(5)
})

test('a subscriber reads what other encoders write, wherever chunks are cut, and acknowledges each message once', () => {
  const options = parseLoadOptions('--scenario p2p --pubs 1 --qos 1 --v 5 --rate 100 --secs 1 --warm 0'.split(' '))
  const frames = Array.from({ length: 5 }, (_, seq) => {
    const payload = Buffer.alloc(150)
    writeStamp(payload, 0, 1000, 0, seq)
    const properties = { userProperties: { seen: 'by another encoder' } }
    const rest = { dup: false, retain: false, properties }
    return generate(
      { cmd: 'publish', topic: 'x/t/0', messageId: seq + 1, payload, qos: 1, ...rest },
      { protocolVersion: 5 },
    )
  })
  const stream = Buffer.concat(frames)
  for (let cut = 1; cut < stream.length; cut++) {
    const written: Buffer[] = []
    const connection: Pick<Connection, 'write'> = { write: bytes => void written.push(Buffer.from(bytes)) }
    const ledger = new Ledger(ledgerBits(1, 100), 1, 100, true)
    const tally = new Tally(ledger, new Int32Array(new SharedArrayBuffer(liveBytes(1))), 0)
    const read = subscriberReader(connection as Connection, options, 0, tally)
    const used = read(stream, 0, cut)
    expect(read(stream, used, stream.length)).toBe(stream.length)
    expect(ledger.counts()).toEqual({ seen: 5, dup: 0, outOfOrder: 0, stray: 0 })
    expect(Buffer.concat(written).toString('hex')).toBe('400200014002000240020003400200044002 0005'.replace(' ', ''))
  }
})

describe('topics and streams', () => {
  const options = (flags: string) => parseLoadOptions(`${flags} --prefix x`.split(' '))

  test('fan-out: each subscriber has a stream per publisher', () => {
    const o = options('--scenario fanout --pubs 5 --subs 10')
    expect([topicOf(o, 3), filterOf(o, 7), streamOf(o, 7, 3), streamOf(o, 7, 5)]).toEqual(['x/f', 'x/f', 38, -1])
  })

  test('fan-in: a publisher’s messages belong to one subscriber', () => {
    const o = options('--scenario fanin --pubs 50 --subs 2')
    expect([topicOf(o, 7), filterOf(o, 1), streamOf(o, 1, 7), streamOf(o, 0, 7)]).toEqual(['x/t/1/7', 'x/t/1/#', 7, -1])
  })

  test('p2p: as many subscribers as publishers', () => {
    const o = options('--scenario p2p --pubs 30 --subs 2')
    expect([o.subs, topicOf(o, 29), filterOf(o, 29), streamOf(o, 29, 29)]).toEqual([30, 'x/t/29', 'x/t/29', 29])
  })

  test('a bad flag is named', () => {
    expect(() => options('--scenario storm')).toThrow("Flag --scenario is 'storm' but must be one of p2p")
    expect(() => options('--qos 3')).toThrow("Flag --qos is '3' but must be a number from 0 to 2")
  })
})
