/** The outbox: order, bounds, restarts and sessions. */
import { generate } from 'mqtt-packet'
import { beforeEach, describe, expect, test } from 'vitest'
import { DeviceError } from '../../../device/error.ts'
import { decode, encode, packetBytes } from '../../../device/message.ts'
import { type NewMessage, Outbox } from '../../../device/outbox.ts'
import { PacketIds } from '../../../device/packet-ids.ts'
import type { Storage } from '../../../device/storage.ts'

const message = (topic: string, more: Partial<NewMessage> = {}): NewMessage => ({
  ...{ topic, payload: new TextEncoder().encode('x'), qos: 1, retain: false, properties: {}, id: undefined, at: 1000 },
  ...more,
})

let records: Map<string, string>
let failing: string | undefined
const troubles: string[] = []
const dropped: string[] = []

const storage: Storage = {
  open: () => Promise.resolve(new Map(records)),
  async put(key, text) {
    if (key[0] === failing) throw new Error('Disk is full')
    records.set(key, text)
  },
  async delete(...keys) {
    for (const key of keys) records.delete(key)
  },
  close: () => Promise.resolve(),
}

beforeEach(() => {
  records = new Map()
  failing = undefined
  troubles.length = 0
  dropped.length = 0
})

const outbox = (bounds = { outboxMaxMessages: 10, outboxMaxBytes: 10_000 }): Outbox =>
  new Outbox(storage, bounds, new PacketIds(), {
    changed: () => undefined,
    dropped: error => dropped.push(error.code),
    trouble: error => troubles.push(error.message),
  })

const stored = (): Promise<void> => new Promise(resolve => setTimeout(resolve))
const topics = (box: Outbox): string[] => {
  const all: string[] = []
  for (let entry = box.next(1000); entry !== undefined; entry = box.next(1000)) all.push(entry.message.topic)
  return all
}

test('messages come in order, once, and not before they are stored', async () => {
  const box = outbox()
  const sent = [box.add(message('a')), box.add(message('b'))]
  expect(topics(box)).toEqual([])
  await stored()
  expect(topics(box)).toEqual(['a', 'b'])
  expect(topics(box)).toEqual([])
  expect(box.inFlight).toBe(2)
  box.settle(1)
  box.settle(2)
  await Promise.all(sent)
  expect([box.size, box.bytes, box.bytesInFlight, records.size]).toEqual([0, 0, 0, 0])
  expect(box.settle(1)).toBeUndefined()
})

test('a full outbox takes nothing, by messages and by bytes', async () => {
  const full = { code: 'outbox-full' }
  const few = outbox({ outboxMaxMessages: 1, outboxMaxBytes: 10_000 })
  void few.add(message('a'))
  await expect(few.add(message('b'))).rejects.toMatchObject(full)
  const small = outbox({ outboxMaxMessages: 10, outboxMaxBytes: 100 })
  void small.add(message('a', { payload: new Uint8Array(60) }))
  await expect(small.add(message('b', { payload: new Uint8Array(60) }))).rejects.toMatchObject(full)
})

test('a message that no empty outbox has room for is told from a full one', async () => {
  const box = outbox({ outboxMaxMessages: 10, outboxMaxBytes: 100 })
  await expect(box.add(message('a', { payload: new Uint8Array(100) }))).rejects.toEqual(
    new DeviceError('too-large', "Message to 'a' has 108 bytes, more than the outbox may hold: 100 bytes"),
  )
  void box.add(message('a', { payload: new Uint8Array(92) }))
  expect([box.size, box.bytes]).toEqual([1, 100])
})

test('what the storage does not take is not sent', async () => {
  failing = 'p'
  const box = outbox()
  await expect(box.add(message('a'))).rejects.toMatchObject({ code: 'storage-failed' })
  expect(box.size).toBe(0)
  expect(topics(box)).toEqual([])
})

describe('a new connection', () => {
  async function halfSent(): Promise<Outbox> {
    const box = outbox()
    for (const topic of ['a', 'b', 'c']) box.add(message(topic, { qos: 2 })).catch(() => undefined)
    await stored()
    for (const _ of [1, 2]) {
      const entry = box.next(1000)
      if (entry !== undefined) entry.mayBeSent = true
    }
    await box.released(1)
    return box
  }
  const steps = (box: Outbox): string[] => {
    const all: string[] = []
    for (let entry = box.next(1000); entry !== undefined; entry = box.next(1000)) {
      const { message, released, mayBeSent } = entry
      all.push(`${message.packetId} ${message.topic} ${released ? 'PUBREL' : mayBeSent ? 'DUP' : 'new'}`)
    }
    return all
  }

  test('with the session goes on where it was, with the same packet ids', async () => {
    const box = await halfSent()
    box.connected(true)
    expect(box.inFlight).toBe(0)
    expect(steps(box)).toEqual(['1 a PUBREL', '2 b DUP', '3 c new'])
  })

  test('without the session begins anew', async () => {
    const box = await halfSent()
    box.connected(false)
    expect(steps(box)).toEqual(['1 a new', '2 b new', '3 c new'])
    await stored()
    expect([...records.keys()].every(key => key.startsWith('p'))).toBe(true)
  })

  test('after a restart everything may have been sent', async () => {
    await halfSent()
    const box = outbox()
    box.restore(records)
    box.connected(true)
    expect(steps(box)).toEqual(['1 a PUBREL', '2 b DUP', '3 c DUP'])
    void box.add(message('d'))
    await stored()
    expect(steps(box)).toEqual(['4 d new'])
    for (const id of [1, 2, 3, 4]) box.settle(id)
    await stored()
    expect(records.size).toBe(0)
  })
})

test('what has expired is not sent', async () => {
  const box = outbox()
  const sent = box.add(message('a', { properties: { messageExpiryInterval: 5 } }))
  await stored()
  expect(box.next(6001)).toBeUndefined()
  await expect(sent).rejects.toMatchObject({ code: 'expired' })
  expect(dropped).toEqual(['expired'])
})

test('close rejects what is open and leaves it stored', async () => {
  const box = outbox()
  const sent = box.add(message('a'))
  await stored()
  await Promise.all([expect(sent).rejects.toThrow(DeviceError), box.close()])
  expect(records.size).toBe(1)
})

test('a record that cannot be read is named and left out', () => {
  const box = outbox()
  box.restore(new Map([['p000000000001', '{']]))
  expect(box.size).toBe(0)
  expect(troubles).toEqual(["Record 'p000000000001' of the outbox cannot be read"])
})

test('the size of a packet is the one on the wire', () => {
  const properties = {
    ...{ payloadFormatIndicator: true, messageExpiryInterval: 7, contentType: 'ü', responseTopic: 'r/t' },
    ...{ correlationData: Uint8Array.of(1, 2), userProperties: { a: ['b', 'cc'], ü: 'd' } },
  }
  for (const size of [0, 20, 50, 100, 200, 20_000, 3_000_000]) {
    const [topic, payload] = ['grüße', Buffer.alloc(size)]
    const wire = { cmd: 'publish' as const, topic, payload, qos: 1 as const, messageId: 1, dup: false, retain: false }
    const written = { ...properties, correlationData: Buffer.from(properties.correlationData) }
    const { length } = generate({ ...wire, properties: written }, { protocolVersion: 5 })
    expect(packetBytes({ topic, payload, properties })).toBe(length)
    expect(packetBytes({ topic, payload, properties: {} })).toBe(generate(wire, { protocolVersion: 5 }).length)
  }
})

test('a message is written down and read as it was', () => {
  const whole = {
    ...message('grüße/ü', {
      qos: 2,
      retain: true,
      payload: Uint8Array.from({ length: 70_000 }, (_, n) => n % 256),
      id: 'i-1',
    }),
    properties: { correlationData: Uint8Array.of(0, 255), userProperties: { a: ['b', 'c'] }, messageExpiryInterval: 9 },
    sequence: 7,
    packetId: 65_535,
  }
  expect(decode(encode(whole))).toEqual(whole)
  expect(decode('[]')).toBeUndefined()
})
