/** Packet ids: each taken once, and dictated where the outbox has chosen. */
import { expect, test } from 'vitest'
import { PacketIds } from '../../../device/packet-ids.ts'

test('every id once, until it is free again', () => {
  const ids = new PacketIds()
  const all = new Set<number>()
  for (let n = 0; n < 65_535; n++) all.add(ids.take() ?? 0)
  expect(all.size).toBe(65_535)
  expect(all.has(0)).toBe(false)
  expect(ids.take()).toBeUndefined()
  expect(ids.allocate()).toBeNull()
  ids.free(77)
  expect(ids.take()).toBe(77)
})

test('MQTT.js gets what is dictated, otherwise what is free', () => {
  const ids = new PacketIds()
  expect(ids.take()).toBe(1)
  ids.taken(2)
  expect(ids.dictate(1, () => ids.allocate())).toBe(1)
  const passing = ids.allocate()
  expect(passing).toBe(3)
  expect(ids.take()).toBe(4)
  // A new connection ends every SUBSCRIBE, and no message.
  ids.clear()
  ids.free(4)
  expect(ids.dictate(2, () => ids.allocate())).toBe(2)
})
