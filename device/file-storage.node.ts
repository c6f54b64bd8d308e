/** An outbox in one file, on Node and Deno: an append-only log of JSON lines that is written anew when most of it is past. Knows no message. */
import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
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
  #fileBytes = 0
  #liveBytes = 0
  /** Lines that wait for the write that runs, and its end. */
  #lines: string[] = []
  #next: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  async open(): Promise<ReadonlyMap<string, string>> {
    await mkdir(dirname(this.#path), { recursive: true })
    const text = await readFile(this.#path, 'utf8').catch(error => {
      if (isMissing(error)) return ''
      throw error
    })
    // What was being written when the process was killed has no end of line.
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) this.#apply(parsed(line))
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

  #apply(line: Line | undefined): void {
    if (line === undefined) return
    const [key, text] = line
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
    if (this.#file === undefined) throw new Error(`Outbox '${this.#path}' is not open`)
    await this.#file.appendFile(text)
    await this.#file.datasync()
    this.#fileBytes += text.length
    // If it cannot be written anew, it stays as it is, and the next write tries again.
    if (this.#fileBytes > SMALL_BYTES && this.#fileBytes > 3 * this.#liveBytes)
      await this.#writeAnew().catch(() => undefined)
  }

  /** What lives goes into a new file, which takes the old one's place at once. */
  async #writeAnew(): Promise<void> {
    const temporary = `${this.#path}.new`
    const text = [...this.#live].map(line => `${JSON.stringify(line)}\n`).join('')
    await writeFile(temporary, text, { flush: true })
    const file = await open(temporary, 'a')
    await rename(temporary, this.#path)
    const folder = await open(dirname(this.#path), 'r')
    await folder.sync().finally(() => folder.close())
    const before = this.#file
    this.#file = file
    this.#fileBytes = text.length
    await before?.close()
  }
}

function parsed(line: string): Line | undefined {
  if (line === '') return undefined
  try {
    const value: unknown = JSON.parse(line)
    if (!Array.isArray(value) || typeof value[0] !== 'string') return undefined
    return typeof value[1] === 'string' ? [value[0], value[1]] : [value[0]]
  } catch {
    return undefined
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
