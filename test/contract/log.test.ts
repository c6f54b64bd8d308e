/** The contract of the log port, run over every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../core/log/port.ts'
import { ROCKETMQ_START_MS } from '../harness/rocketmq.ts'
import { RocketmqLogBox } from './rocketmq-box.ts'
import { BOXES } from './stores.ts'

interface LogBox {
  readonly log: Log
  /** Opens it again as after a crash. */
  reopen(): Promise<void> | void
  dispose(): Promise<void> | void
}

interface Implementation {
  readonly name: string
  readonly loses: boolean
  make(): LogBox | Promise<LogBox>
}

const ALL: readonly Implementation[] = [
  ...BOXES,
  { name: 'RocketMQ', loses: false, make: () => RocketmqLogBox.open() },
  {
    name: 'RocketMQ, large envelopes, read twice',
    loses: false,
    make: () => RocketmqLogBox.open({ walBodyBytes: 8, walRecoveryBytes: 0 }),
  },
]

describe.each(ALL)('log: $name', { timeout: 20_000 }, ({ make, loses }) => {
  let box: LogBox
  beforeEach(async () => {
    box = await make()
  }, ROCKETMQ_START_MS)
  afterEach(() => box.dispose())

  const bytes = (...values: number[]) => new Uint8Array(values)
  const commit = async () => {
    expect(await new Promise<Error | undefined>(resolve => box.log.commits.commit(resolve))).toBeUndefined()
  }
  const all = async () => {
    const found: [number, number, number[]][] = []
    await box.log.replay((position, records, envelope) => found.push([position, records, [...envelope]]))
    return found
  }

  test('positions start at 1', async () => {
    expect(box.log.next).toBe(1)
    expect(await all()).toEqual([])
  })

  test('envelopes come back in order after reopening, as often as wanted', async () => {
    box.log.append(1, 3, bytes(1, 2, 3))
    await commit()
    box.log.append(4, 1, bytes(4))
    await commit()
    await box.reopen()
    for (const _ of ['steps', 'messages'])
      expect(await all()).toEqual([
        [1, 3, [1, 2, 3]],
        [4, 1, [4]],
      ])
    expect(box.log.next).toBe(5)
  })

  test('trim forgets envelopes that start before the position, and no position is used again', async () => {
    box.log.append(1, 3, bytes(1))
    box.log.append(4, 2, bytes(4))
    box.log.trim(4)
    await commit()
    await box.reopen()
    expect(await all()).toEqual([[4, 2, [4]]])
    box.log.trim(6)
    await commit()
    await box.reopen()
    expect(await all()).toEqual([])
    expect(box.log.next).toBe(6)
  })

  test('bytes may be reused after the commit', async () => {
    const buffer = bytes(7, 8)
    box.log.append(1, 1, buffer)
    await commit()
    buffer.fill(0)
    await box.reopen()
    expect(await all()).toEqual([[1, 1, [7, 8]]])
  })

  test('an envelope of many bytes comes back whole', async () => {
    const large = Uint8Array.from({ length: 300 }, (_, i) => i & 255)
    box.log.append(1, 1, large)
    await commit()
    box.log.append(2, 1, bytes(2))
    await commit()
    await box.reopen()
    expect(await all()).toEqual([
      [1, 1, [...large]],
      [2, 1, [2]],
    ])
  })

  test('what is appended after reopening follows what was there', async () => {
    box.log.append(1, 2, bytes(1))
    await commit()
    await box.reopen()
    box.log.append(box.log.next, 1, bytes(3))
    await commit()
    await box.reopen()
    expect(await all()).toEqual([
      [1, 2, [1]],
      [3, 1, [3]],
    ])
  })

  test.skipIf(!loses)('what was not committed is gone, as a whole', async () => {
    box.log.append(1, 1, bytes(1))
    await commit()
    box.log.append(2, 1, bytes(2))
    box.log.trim(2)
    await box.reopen()
    expect(await all()).toEqual([[1, 1, [1]]])
    expect(box.log.next).toBe(2)
  })
})
