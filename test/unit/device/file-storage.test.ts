/** The outbox in a file: the contract, torn ends, and its size. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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

test('a line that was not finished is left out', async () => {
  const first = new FileStorage(path())
  await first.open()
  await first.put('a', '1')
  await first.close()
  appendFileSync(path(), '["b","2"]\n["c","torn')
  const second = new FileStorage(path())
  const damage: string[] = []
  expect([...(await second.open(text => damage.push(text)))]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
  await second.put('d', '3')
  await second.close()
  expect(readFileSync(path(), 'utf8')).toBe('["a","1"]\n["b","2"]\n["d","3"]\n')
  expect(damage).toEqual([])
})

test('a line that cannot be read is told, what comes later is read, and the file is kept as it was', async () => {
  mkdirSync(dirname(path()))
  const text = '{ "secret": 1 }\n["b","2"]\n\0\0\0\n'
  writeFileSync(path(), text)
  const storage = new FileStorage(path())
  const damage: string[] = []
  expect([...(await storage.open(each => damage.push(each)))]).toEqual([['b', '2']])
  await storage.close()
  expect(damage).toEqual([
    `Lines of outbox '${path()}' that cannot be read: 2; as it was it is kept in '${path()}.damaged'`,
  ])
  expect(readFileSync(`${path()}.damaged`, 'utf8')).toBe(text)
})

test('a file that another one has opened takes nothing more from the first', async () => {
  const [first, second] = [new FileStorage(path()), new FileStorage(path())]
  await first.open()
  await first.put('a', '1')
  expect([...(await second.open())]).toEqual([['a', '1']])
  await expect(first.put('b', '2')).rejects.toThrow(`Outbox '${path()}' has been opened by another process or device`)
  await expect(first.put('c', '2')).rejects.toThrow('another process')
  await second.put('d', '3')
  await Promise.all([first.close(), second.close()])
  expect(readFileSync(path(), 'utf8')).toBe('["a","1"]\n["d","3"]\n')
})

test('a file that was removed is written anew', async () => {
  const storage = new FileStorage(path())
  await storage.open()
  await storage.put('a', '1')
  rmSync(path())
  await storage.put('b', '2')
  expect(readFileSync(path(), 'utf8')).toBe('["a","1"]\n["b","2"]\n')
  await storage.close()
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
