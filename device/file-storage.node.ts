/** An outbox in one file, on Node and Deno: an append-only log of JSON lines that is written anew when most of it is past. Knows no message. */
import { copyFile, type FileHandle, mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Storage } from './storage.ts'

/** `[key, text]` puts, `[key]` deletes. */
type Line = readonly [key: string, text?: string]

/** A log of less is not written anew. */
const SMALL_BYTES = 256 * 1024

export class FileStorage implements Storage {
  readonly #path: string
  readonly #live = new Map<string, string>()
  #file: FileHandle | undefined
  /** A write failed: what is at the end of the file is not known. */
  #isTorn = false
  #fileBytes = 0
  #liveBytes = 0
  /** Lines that wait for the write that runs, and its end. */
  #lines: string[] = []
  #next: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  async open(damaged?: (text: string) => void): Promise<ReadonlyMap<string, string>> {
    await mkdir(dirname(this.#path), { recursive: true })
    const text = (await readFile(this.#path, 'utf8').catch(unlessMissing)) ?? ''
    // What was being written when the process was killed has no end of line.
    const lines = text.split('\n').slice(0, -1)
    const readable = lines.map(parsed).filter(line => line !== undefined)
    for (const line of readable) this.#apply(line)
    if (readable.length < lines.length) await this.#keepDamaged(lines.length - readable.length, damaged)
    await this.#writeAnew()
    return new Map(this.#live)
  }

  put(key: string, text: string): Promise<void> {
    return this.#append([key, text])
  }

  delete(...keys: string[]): Promise<void> {
    const known = keys.filter(key => this.#live.has(key))
    return known.length === 0
      ? Promise.resolve()
      : Promise.all(known.map(key => this.#append([key]))).then(() => undefined)
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => undefined)
    await this.#writing.catch(() => undefined)
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  /** The disk failed, or it never was an outbox: what is not ours is not ours to throw away. */
  async #keepDamaged(lines: number, damaged?: (text: string) => void): Promise<void> {
    const copy = `${this.#path}.damaged`
    await copyFile(this.#path, copy)
    damaged?.(`Lines of outbox '${this.#path}' that cannot be read: ${lines}; as it was it is kept in '${copy}'`)
  }

  #apply([key, text]: Line): void {
    const before = this.#live.get(key)
    if (before !== undefined) this.#liveBytes -= key.length + before.length
    if (text === undefined) this.#live.delete(key)
    else {
      this.#live.set(key, text)
      this.#liveBytes += key.length + text.length
    }
  }

  /** All lines that come while a write runs go out with the next one: a sync costs the same for one and for a hundred. */
  #append(line: Line): Promise<void> {
    this.#apply(line)
    this.#lines.push(`${JSON.stringify(line)}\n`)
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        this.#writing = this.#write()
        return this.#writing
      })
    return this.#next
  }

  async #write(): Promise<void> {
    const text = this.#lines.join('')
    this.#lines = []
    const file = this.#file
    if (file === undefined) throw new Error(`Outbox '${this.#path}' is not open`)
    if (this.#isTorn) {
      await this.#isThere(file)
      return this.#writeAnew()
    }
    this.#isTorn = true
    await file.appendFile(text)
    await file.datasync()
    // Looked for now, not before: who takes the file over may have read it without these lines.
    const isThere = await this.#isThere(file)
    this.#isTorn = false
    this.#fileBytes += text.length
    if (!isThere) return this.#writeAnew()
    // If it cannot be written anew, it stays as it is, and the next write tries again.
    if (this.#fileBytes > SMALL_BYTES && this.#fileBytes > 3 * this.#liveBytes)
      await this.#writeAnew().catch(() => undefined)
  }

  /** Whether the file is still in its place. Throws if another one is: what we write has no name then, and the next run would not find it. */
  async #isThere(file: FileHandle): Promise<boolean> {
    const [ours, there] = await Promise.all([file.stat(), stat(this.#path).catch(unlessMissing)])
    if (there !== undefined && (there.ino !== ours.ino || there.dev !== ours.dev))
      throw new Error(`Outbox '${this.#path}' has been opened by another process or device`)
    return there !== undefined
  }

  /** What lives goes into a new file, which takes the old one's place at once. */
  async #writeAnew(): Promise<void> {
    const temporary = `${this.#path}.new`
    const text = [...this.#live].map(line => `${JSON.stringify(line)}\n`).join('')
    await writeFile(temporary, text, { flush: true })
    const file = await open(temporary, 'a')
    try {
      await rename(temporary, this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    const before = this.#file
    this.#file = file
    this.#fileBytes = text.length
    this.#isTorn = false
    await before?.close()
    const folder = await open(dirname(this.#path), 'r')
    await folder.sync().finally(() => folder.close())
  }
}

function parsed(line: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (!Array.isArray(value) || typeof value[0] !== 'string') return undefined
    return typeof value[1] === 'string' ? [value[0], value[1]] : [value[0]]
  } catch {
    return undefined
  }
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
