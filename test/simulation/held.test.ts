/** Nobody may hold the log for longer than `watermarkHoldMs`, however little a member of a group or a stuck device takes. */
import { expect, test } from 'vitest'
import { MemoryLog } from '../../core/log/memory.ts'
import { MemoryState } from '../../core/state/memory.ts'
import { Client } from './client.ts'
import { World } from './world.ts'

const worldWithLog = (limits: object = {}): World =>
  new World({ limits, stores: { log: new MemoryLog({ keep: true }), state: new MemoryState() } })

/** Publishes more for half a minute, so that there is something to trim. */
function live(world: World, publisher: Client): void {
  for (let i = 0; i < 30; i++) {
    publisher.publish('elsewhere', `${i}`, 1)
    world.pass(1000)
    publisher.work()
  }
}

test('a member without kept session that never acknowledges does not keep the log from being trimmed', () => {
  const world = worldWithLog()
  const publisher = new Client(world, 'pub')
  publisher.connect()
  for (const id of ['kept', 'stuck']) {
    const member = new Client(world, id)
    member.connect(id === 'kept' ? {} : { clean: true, expirySec: 0 })
    member.subscribe('$share/g/s', 1)
    if (id === 'kept') member.drop()
  }
  publisher.publish('s', 'never taken', 1)
  live(world, publisher)
  expect(world.stats.nowInflight).toBe(1)
  expect(world.coreStats.nowLogEnvelopes).toBeLessThan(3)
})

test('what waits for a kept session whose socket is full of QoS 0 is spooled in time', () => {
  const world = worldWithLog({ connectionOutBytes: 1000 })
  const publisher = new Client(world, 'pub')
  publisher.connect()
  const reader = new Client(world, 'reader')
  reader.connect()
  reader.subscribe('s/#', 1)
  reader.stall()
  for (let i = 0; i < 4; i++) {
    publisher.publish('s/0', 'x'.repeat(600), 0)
    world.settle()
  }
  publisher.publish('s/1', 'kept', 1)
  live(world, publisher)
  expect(world.stats.nowQueuedMessages).toBe(0)
  expect(world.coreStats.nowInboxMessages).toBe(1)
  expect(world.coreStats.nowLogEnvelopes).toBeLessThan(3)
  reader.flow()
  world.settle()
  reader.work()
  expect(reader.seen.at(-1)?.text).toBe('kept')
})
