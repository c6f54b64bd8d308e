/** A data directory that cannot be used is refused with its path and the reason, and left as it was. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../../../core/contract/limits.ts'
import { EmbeddedLog } from '../../../../core/log/embedded/log.node.ts'
import { openStandaloneCore } from '../../../../core/open.node.ts'
import { EmbeddedStore } from '../../../../core/state/embedded/store.node.ts'
import { CoreStats } from '../../../../core/stats.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-file-'))
  path = join(dir, 'meridian.db')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const open = () => new EmbeddedStore({ dir, synchronous: 'normal' })
const contents = () =>
  readdirSync(dir).map(
    name =>
      `${name} ${createHash('sha1')
        .update(readFileSync(join(dir, name)))
        .digest('hex')}`,
  )
const refusal = (): string => {
  const before = contents()
  let message = ''
  try {
    open().close()
  } catch (error) {
    message = (error as Error).message
  }
  expect(message).toContain(path)
  expect(contents()).toEqual(before)
  return message
}

test('a new directory is made, and opens again', () => {
  dir = join(dir, 'a', 'b')
  open().close()
  open().close()
  expect(existsSync(join(dir, 'meridian.db'))).toBe(true)
  expect(statSync(join(dir, 'meridian.db')).mode & 0o777).toBe(0o600)
})

describe('refused', () => {
  test('a file that is no database', () => {
    writeFileSync(path, 'hello '.repeat(1000))
    expect(refusal()).toMatch(/not a database of Meridian/)
  })

  test('an empty file', () => {
    writeFileSync(path, '')
    expect(refusal()).toMatch(/not a database of Meridian/)
  })

  test("another program's database", () => {
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE t (x)')
    db.close()
    expect(refusal()).toMatch(/belongs to another program/)
  })

  test('a newer schema', () => {
    open().close()
    const db = new DatabaseSync(path)
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 99')
    db.close()
    expect(refusal()).toMatch(/newer Meridian \(version 99/)
  })

  test('a newer schema that only the write-ahead log of a crash tells of', () => {
    open().close()
    const db = new DatabaseSync(path)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA user_version = 99')
    const crashed = readdirSync(dir).map(name => [join(dir, name), readFileSync(join(dir, name))] as const)
    db.close()
    for (const [file, bytes] of crashed) if (!file.endsWith('-shm')) writeFileSync(file, bytes)
    expect(refusal()).toMatch(/newer Meridian \(version 99/)
  })

  test('rows that cannot be read, though the file is sound', () => {
    const core = () =>
      openStandaloneCore({
        dataDir: dir,
        synchronous: 'normal',
        limits: DEFAULT_LIMITS,
        now: Date.now,
        defer: () => {},
        stats: new CoreStats(),
      })
    core().close()
    const damage = (sql: string): void => {
      const db = new DatabaseSync(path)
      db.exec(sql)
      db.close()
    }
    damage("INSERT INTO log VALUES (100, 1, x'0907')")
    expect(core).toThrow(`Data file '${path}' cannot be read: Envelope at 100 has version 9`)
    damage("DELETE FROM log; INSERT INTO sessions VALUES (':a', x'01')")
    expect(core).toThrow(`Data file '${path}' cannot be read: Record of 1 bytes ends early`)
  })

  test('a file that was cut off', () => {
    open().close()
    truncateSync(path, statSync(path).size - 1000)
    expect(refusal()).toMatch(/damaged/)
    truncateSync(path, 8192)
    expect(refusal()).toMatch(/damaged/)
  })

  test('a page that was overwritten', () => {
    open().close()
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 4096, 8192)
    writeFileSync(path, bytes)
    expect(refusal()).toMatch(/damaged/)
  })

  test('a directory that another process uses', () => {
    const store = open()
    const program = `
      import { EmbeddedStore } from ${JSON.stringify(join(import.meta.dirname, '../../../../core/state/embedded/store.node.ts'))}
      try { new EmbeddedStore({ dir: ${JSON.stringify(dir)}, synchronous: 'normal' }); console.log('opened') } catch (e) { console.log(e.message) }`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
      encoding: 'utf8',
    })
    expect(stdout).toContain(path)
    expect(stdout).toMatch(/in use by another process/)
    new EmbeddedLog(store).append(1, 1, new Uint8Array([1]))
    let failed: Error | undefined
    store.commit(error => {
      failed = error
    })
    expect(failed).toBeUndefined()
    store.close()
  })

  test('a path that is no directory', () => {
    writeFileSync(join(dir, 'file'), '')
    dir = join(dir, 'file')
    expect(open).toThrow(/is not a directory/)
    dir = join(dir, 'below')
    expect(open).toThrow(/cannot be made/)
  })

  // A recursive mkdir of Node never returns there.
  test.skipIf(!existsSync('/proc/self'))('a place where no directory can be made', () => {
    dir = '/proc/meridian/data'
    expect(open).toThrow(/cannot be made/)
  })
})

test('a commit that fails keeps its writes for the next one, and reads wait for it', () => {
  const store = open()
  store.prepare('CREATE TEMP TABLE gate (open INTEGER)').run()
  store.prepare('INSERT INTO gate VALUES (0)').run()
  store
    .prepare(
      "CREATE TEMP TRIGGER closed BEFORE INSERT ON main.log WHEN (SELECT open FROM gate) = 0 BEGIN SELECT raise(ABORT, 'disk is full'); END",
    )
    .run()
  const log = new EmbeddedLog(store)
  log.append(1, 1, new Uint8Array([1]))
  let seen = 0
  store.read(() => seen++)
  const results: (string | undefined)[] = []
  store.commit(e => results.push(e?.message))
  expect([results, seen, store.dirty]).toEqual([['disk is full'], 0, true])
  store.prepare('UPDATE gate SET open = 1').run()
  store.commit(e => results.push(e?.message))
  expect([results, seen, store.dirty]).toEqual([['disk is full', undefined], 1, false])
  const positions: number[] = []
  log.replay(position => positions.push(position))
  expect(positions).toEqual([1])
  store.close()
})
