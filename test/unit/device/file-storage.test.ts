/** The outbox in a file: the contract, torn ends, and its size. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileStorage } from '../../../device/file-storage.node.ts'
import { storageContract } from './storage.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-outbox-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const path = (): string => join(folder, 'deep', 'outbox')

describe('contract', () => storageContract(() => new FileStorage(path())))

test('a line that was not finished is left out, and what comes later is read', async () => {
  const first = new FileStorage(path())
  await first.open()
  await first.put('a', '1')
  await first.close()
  appendFileSync(path(), 'garbage\n["b","2"]\n["c","torn')
  const second = new FileStorage(path())
  expect([...(await second.open())]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
  await second.put('d', '3')
  await second.close()
  expect(readFileSync(path(), 'utf8')).toBe('["a","1"]\n["b","2"]\n["d","3"]\n')
})

test('the file does not grow with what is past', async () => {
  const storage = new FileStorage(path())
  await storage.open()
  const text = 'x'.repeat(10_000)
  for (let n = 0; n < 200; n++) {
    await storage.put(`k${n}`, text)
    if (n > 5) await storage.delete(`k${n - 5}`)
  }
  expect(statSync(path()).size).toBeLessThan(400_000)
  await storage.close()
  const again = new FileStorage(path())
  expect((await again.open()).size).toBe(6)
  await again.close()
})
