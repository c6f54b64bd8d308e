/** Finds out whether a data directory can be used before anything in it is changed, and makes a new one. Holds no connection. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { DatabaseSync } from './sqlite.node.ts'

const FILE = 'meridian.db'
const MAGIC = 'SQLite format 3\0'
const HEADER_BYTES = 100
/** A larger file is not read through at start: its header, its tables and every row that is loaded are still checked. */
const FULL_CHECK_BYTES = 256 * 1024 * 1024

/** Path of the database in `dir`, which exists and is sound when this returns. Throws an error that names path and reason; what was there stays as it was. */
export function prepareDataFile(dir: string): string {
  try {
    makeFolder(resolve(dir))
  } catch (error) {
    throw new Error(`Data directory '${dir}' cannot be made: ${text(error)}`)
  }
  if (!statSync(dir).isDirectory()) throw new Error(`Data directory '${dir}' is not a directory`)
  try {
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new Error(`Data directory '${dir}' cannot be written: ${text(error)}`)
  }
  const path = join(dir, FILE)
  if (!existsSync(path)) {
    if (existsSync(`${path}-wal`)) throw refused(path, `it is missing, but '${FILE}-wal' is there`)
    create(path)
  }
  const bytes = checkHeader(path)
  checkContent(path, bytes)
  return path
}

/** With its parents. Not by `recursive`: Node never returns where a folder that exists takes no further ones, as below `/proc`. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

/** In words, for a file that is in use, damaged or not ours. */
export function refused(path: string, why: string): Error {
  return new Error(`Data file '${path}' cannot be used: ${why}`)
}

/** Why opening or reading failed, for people. */
export function reasonOf(error: unknown): string {
  const message = text(error)
  if (/locked|busy/i.test(message)) return 'it is in use by another process'
  if (/malformed|not a database|disk image/i.test(message)) return `it is damaged (${message})`
  return message
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Made under another name, so that a half-made file is never taken for a data file. Only its owner may read what devices say; SQLite gives its other files the same mode. */
function create(path: string): void {
  const unfinished = `${path}.new`
  try {
    rmSync(unfinished, { force: true })
    const db = new DatabaseSync(unfinished)
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`)
    db.exec(`BEGIN; ${SCHEMA} COMMIT;`)
    db.close()
    chmodSync(unfinished, 0o600)
    renameSync(unfinished, path)
  } catch (error) {
    throw new Error(`Data file '${path}' cannot be made: ${text(error)}`)
  }
}

/** Size of the file, if its header is that of a data file of this version. Reads only. */
function checkHeader(path: string): number {
  const header = new Uint8Array(HEADER_BYTES)
  let size: number
  try {
    const fd = openSync(path, 'r')
    size = fstatSync(fd).size
    readSync(fd, header, 0, HEADER_BYTES, 0)
    closeSync(fd)
  } catch (error) {
    throw refused(path, text(error))
  }
  const view = new DataView(header.buffer)
  if (new TextDecoder('latin1').decode(header.subarray(0, 16)) !== MAGIC)
    throw refused(path, 'it is not a database of Meridian, or its start is damaged')
  if (view.getUint32(68) !== APPLICATION_ID) throw refused(path, 'it belongs to another program')
  const version = view.getUint32(60)
  if (version > SCHEMA_VERSION) throw refused(path, newer(version))
  const pageBytes = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16)
  if (size < pageBytes || size % pageBytes !== 0)
    throw refused(path, `it is damaged (${size} bytes are no whole pages)`)
  return size
}

const newer = (version: number): string =>
  `it was written by a newer Meridian (version ${version}, this one knows ${SCHEMA_VERSION})`

/** Lets SQLite check structure and tables over a read-only connection. */
function checkContent(path: string, bytes: number): void {
  let problem: string | undefined
  const sharedMemory = `${path}-shm`
  const hadSharedMemory = existsSync(sharedMemory)
  try {
    const db = new DatabaseSync(readOnlyName(path), { readOnly: true })
    try {
      // What the header says may be older than what the write-ahead log of a crash says.
      const version = Number(db.prepare('PRAGMA user_version').get()?.user_version)
      if (version > SCHEMA_VERSION) problem = newer(version)
      else if (bytes <= FULL_CHECK_BYTES) {
        const found = String(db.prepare('PRAGMA quick_check(1)').get()?.quick_check)
        if (found !== 'ok') problem = `it is damaged (${found})`
      }
      const tables = db
        .prepare(
          "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' AND name IN ('meta','log','sessions','subscriptions','inbox','retained')",
        )
        .get()
      if (problem === undefined && tables?.n !== 6) problem = 'it is damaged (tables are missing)'
    } finally {
      db.close()
    }
  } catch (error) {
    throw refused(path, reasonOf(error))
  } finally {
    if (!hadSharedMemory) rmSync(sharedMemory, { force: true })
  }
  if (problem !== undefined) throw refused(path, problem)
}

/** While nobody has the file open there is no `-wal` beside it, or what a crash left; without one, SQLite is told to make no files either. */
function readOnlyName(path: string): string | URL {
  if (existsSync(`${path}-wal`)) return path
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return url
}
