/** Many publishers while nothing can be made durable: nobody is acknowledged, reading pauses within its bound, and afterwards everything acknowledged has arrived, in order. */
import { expect, test } from 'vitest'
import { MemoryLog } from '../../core/log/memory.ts'
import type { Commits } from '../../core/log/port.ts'
import { MemoryState } from '../../core/state/memory.ts'
import { Client } from './client.ts'
import { comeToRest, nothingLeft } from './life.ts'
import { World } from './world.ts'

class Disk implements Commits {
  readonly dirty = true
  readonly full = false
  broken = false

  commit(done: (error: Error | undefined) => void): void {
    done(this.broken ? new Error('Disk is full') : undefined)
  }

  close(): void {}
}

function worldOn(disk: Disk, limits: object): World {
  const log = new (class extends MemoryLog {
    override readonly commits = disk
  })({ keep: true })
  const state = new (class extends MemoryState {
    override readonly commits = disk
  })()
  return new World({ limits, stores: { log, state } })
}

const PUBLISHERS = 100
const EACH = 30

test('100 publishers and a disk that is full for 20 seconds', () => {
  const disk = new Disk()
  const world = worldOn(disk, { logPendingBytes: 64 * 1024 })
  const reader = new Client(world, 'reader')
  reader.connect()
  reader.subscribe('t/#', 2)
  const publishers = Array.from({ length: PUBLISHERS }, (_, i) => new Client(world, `pub${i}`, i % 2 === 0 ? 5 : 4))
  for (const publisher of publishers) publisher.connect()
  disk.broken = true
  for (let n = 0; n < EACH; n++) {
    for (const [i, publisher] of publishers.entries())
      publisher.publish(`t/${i}`, `${i}:${String(n).padStart(1000, '0')}`, n % 2 === 0 ? 1 : 2)
    world.pass(500)
    for (const publisher of publishers) publisher.work()
  }
  expect(publishers.flatMap(p => p.acked)).toEqual([])
  expect(reader.seen).toEqual([])
  // One chunk of each publisher may come on top of the bound.
  expect(world.coreStats.nowPendingBytes).toBeLessThan(64 * 1024 + PUBLISHERS * 1200)
  expect(publishers.every(p => p.pipe.paused)).toBe(true)
  disk.broken = false
  for (let i = 0; i < 40; i++) world.pass(1000)
  comeToRest(world, [...publishers, reader])
  expect(publishers.map(p => p.acked.length)).toEqual(publishers.map(() => EACH))
  const seen = reader.seen.map(s => s.text)
  expect(seen.length).toBe(PUBLISHERS * EACH)
  for (const [i] of publishers.entries())
    for (const odd of [0, 1]) {
      const mine = seen.filter(t => t.startsWith(`${i}:`)).map(t => Number(t.slice(t.indexOf(':') + 1)))
      const ofQos = mine.filter(n => n % 2 === odd)
      expect(ofQos).toEqual([...ofQos].sort((a, b) => a - b))
    }
  nothingLeft(world, [...publishers, reader])
})
