/** The contract of Storage, which every implementation runs. */
import { expect, test } from 'vitest'
import type { Storage } from '../../../device/storage.ts'

/** `reopen` gives a storage on the same data as the one before. */
export function storageContract(reopen: () => Storage): void {
  const opened = async (): Promise<{ storage: Storage; records: [string, string][] }> => {
    const storage = reopen()
    return { storage, records: [...(await storage.open())] }
  }

  test('records come back in the order they were first put', async () => {
    const { storage, records } = await opened()
    expect(records).toEqual([])
    await Promise.all([
      storage.put('b', '1'),
      storage.put('a', 'grüße\n"'),
      storage.put('b', '2'),
      storage.put('c', ''),
    ])
    await storage.close()
    const again = await opened()
    expect(again.records).toEqual([
      ['b', '2'],
      ['a', 'grüße\n"'],
      ['c', ''],
    ])
    await again.storage.delete('a', 'unknown')
    await again.storage.put('d', 'x')
    await again.storage.close()
    const last = await opened()
    expect(last.records.map(([key]) => key)).toEqual(['b', 'c', 'd'])
    await last.storage.close()
  })

  test('what was asked for before close is done', async () => {
    const { storage } = await opened()
    void storage.put('late', 'x')
    await storage.close()
    const again = await opened()
    expect(again.records.some(([key]) => key === 'late')).toBe(true)
    await again.storage.close()
  })

  test('a put after close is refused', async () => {
    const { storage } = await opened()
    await storage.close()
    await expect((async () => storage.put('a', 'b'))()).rejects.toThrow('is not open')
  })
}
