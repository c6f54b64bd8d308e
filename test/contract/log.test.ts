/** The contract of the log port, run over every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BOXES, type Box } from './stores.ts'

describe.each(BOXES)('log: $name', ({ make, loses }) => {
  let box: Box
  beforeEach(() => {
    box = make()
  })
  afterEach(() => box.dispose())

  const bytes = (...values: number[]) => new Uint8Array(values)
  const commit = () => {
    let result: Error | 'none' | undefined = 'none'
    box.log.commits.commit(e => {
      result = e
    })
    expect(result).toBeUndefined()
  }
  const all = () => {
    const found: [number, number, number[]][] = []
    box.log.replay((position, records, envelope) => found.push([position, records, [...envelope]]))
    return found
  }

  test('positions start at 1', () => {
    expect(box.log.next).toBe(1)
    expect(all()).toEqual([])
  })

  test('envelopes come back in order after reopening', () => {
    box.log.append(1, 3, bytes(1, 2, 3))
    commit()
    box.log.append(4, 1, bytes(4))
    commit()
    box.reopen()
    expect(all()).toEqual([
      [1, 3, [1, 2, 3]],
      [4, 1, [4]],
    ])
    expect(box.log.next).toBe(5)
  })

  test('trim forgets envelopes that start before the position, and no position is used again', () => {
    box.log.append(1, 3, bytes(1))
    box.log.append(4, 2, bytes(4))
    box.log.trim(4)
    commit()
    box.reopen()
    expect(all()).toEqual([[4, 2, [4]]])
    box.log.trim(6)
    commit()
    box.reopen()
    expect(all()).toEqual([])
    expect(box.log.next).toBe(6)
  })

  test('bytes may be reused after the commit', () => {
    const buffer = bytes(7, 8)
    box.log.append(1, 1, buffer)
    commit()
    buffer.fill(0)
    box.reopen()
    expect(all()).toEqual([[1, 1, [7, 8]]])
  })

  test.skipIf(!loses)('what was not committed is gone, as a whole', () => {
    box.log.append(1, 1, bytes(1))
    commit()
    box.log.append(2, 1, bytes(2))
    box.log.trim(2)
    box.reopen()
    expect(all()).toEqual([[1, 1, [1]]])
    expect(box.log.next).toBe(2)
  })
})
