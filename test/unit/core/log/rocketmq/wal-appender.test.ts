/** Appends: one at a time, in order, tried again within a bound and then by the next commit. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Appender } from '../../../../../core/log/rocketmq/wal-appender.ts'
import { readFrame } from '../../../../../core/log/rocketmq/wal-frame.ts'
import { Offsets } from '../../../../../core/log/rocketmq/wal-offsets.ts'
import { WalStats } from '../../../../../core/log/rocketmq/wal-stats.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const stats = new WalStats()
function rig(fails: (attempt: number) => boolean, may = () => true) {
  const sent: number[][] = []
  const begins: [number, number][] = []
  let attempts = 0
  let underWay = 0
  const appender = new Appender({
    async send(body) {
      expect(++underWay).toBe(1)
      await new Promise(resolve => setTimeout(resolve, 1))
      underWay--
      if (fails(++attempts)) throw new Error('No broker')
      const positions: number[] = []
      readFrame(body, { piece: piece => positions.push(piece.position), seal() {} })
      sent.push(positions)
    },
    may,
    bodyBytes: 100,
    retryMs: 1_000,
    stats,
    warn: () => {},
    appended: (position, count) => begins.push([position, count]),
    close: () => {},
  })
  const commit = async (ms: number) => {
    let result: Error | undefined | 'none' = 'none'
    appender.commit(error => {
      result = error
    })
    await vi.advanceTimersByTimeAsync(ms)
    return result as Error | undefined | 'none'
  }
  const add = (position: number, length: number) =>
    appender.add({ position, records: 1, envelope: new Uint8Array(length) })
  return { appender, commit, add, sent, begins, attempts: () => attempts }
}

test('nothing staged: done at once', async () => {
  const { appender, commit, sent } = rig(() => false)
  expect(appender.dirty).toBe(false)
  expect(await commit(0)).toBeUndefined()
  expect(sent).toEqual([])
})

test('a commit is done when all its messages are acknowledged', async () => {
  const { appender, commit, add, sent, begins } = rig(() => false)
  add(1, 20)
  add(2, 250)
  add(3, 10)
  expect(appender.full).toBe(true)
  expect(await commit(100)).toBeUndefined()
  expect(sent).toEqual([[1, 2], [2], [2, 3]])
  expect(begins).toEqual([
    [1, 0],
    [2, 0],
    [3, 2],
  ])
  expect(appender.count).toBe(3)
  expect(appender.dirty).toBe(false)
  expect(stats.nowPendingBytes).toBe(0)
})

test('a failed append is tried again with the same bytes, in its place', async () => {
  const { commit, add, sent, attempts } = rig(attempt => attempt === 2 || attempt === 3)
  add(1, 94)
  add(2, 94)
  expect(await commit(500)).toBeUndefined()
  expect(sent).toEqual([[1], [2]])
  expect(attempts()).toBe(4)
})

test('after the bound the commit fails, and the next one goes on where it stood', async () => {
  let down = false
  const { appender, commit, add, sent } = rig(attempt => {
    if (attempt === 2) down = true
    return down
  })
  add(1, 94)
  add(2, 94)
  expect(await commit(2_000)).toMatchObject({ message: 'No broker' })
  expect(sent).toEqual([[1]])
  expect(appender.dirty).toBe(true)
  down = false
  add(3, 10)
  expect(await commit(500)).toBeUndefined()
  expect(sent).toEqual([[1], [2], [3]])
})

test('hints stay true when there are many', () => {
  const offsets = new Offsets()
  for (let i = 0; i < 100_000; i++) offsets.add(i * 10, i)
  expect(offsets.size).toBeLessThanOrEqual(16_384)
  const hint = offsets.trim(500_005, 0)
  expect(hint).toBeLessThanOrEqual(50_000)
  expect(hint).toBeGreaterThan(49_000)
  expect(offsets.trim(500_005, 0)).toBe(hint)
  expect(new Offsets().trim(7, 3)).toBe(3)
})

test('a core that stood still appends nothing, not even what it had begun, before it knows that it is still its turn', async () => {
  let may = true
  const { commit, add, sent, attempts, appender } = rig(
    attempt => {
      if (attempt === 1) may = false
      return attempt === 1
    },
    () => may,
  )
  add(1, 10)
  expect(await commit(700)).toBe('none')
  expect(attempts()).toBe(1)
  may = true
  await vi.advanceTimersByTimeAsync(100)
  expect([attempts(), sent]).toEqual([2, [[1]]])
  may = false
  add(2, 10)
  expect(await commit(100)).toBe('none')
  appender.close()
  await vi.advanceTimersByTimeAsync(2_000)
  expect([attempts(), sent]).toEqual([2, [[1]]])
})
