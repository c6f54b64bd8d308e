/** A small text file that is read again when it changes. A broken new version is reported and the old one stays in force. */
import { readFile, stat } from 'node:fs/promises'
import { clearInterval, setInterval } from 'node:timers'

export interface WatchOptions {
  readonly path: string
  /** Takes the file's text; throws if it is wrong, and then keeps what it had. */
  readonly use: (text: string) => void
  /** Called with a text for the log when a changed file cannot be used, once per change. */
  readonly report: (detail: string) => void
  readonly everyMs?: number
}

const EVERY_MS = 1_000
const MAX_BYTES = 64 * 1024 * 1024

export interface Watched {
  /** Looks at once whether the file has changed. */
  check(): Promise<void>
  close(): void
}

/** Reads the file and goes on watching it. Rejects if the first reading fails; the error names the file. */
export async function watchFile(options: WatchOptions): Promise<Watched> {
  const { path, use } = options
  let seen = await version(path)
  await read(path, use)
  const check = async (): Promise<void> => {
    let now = 'unreadable'
    try {
      now = await version(path)
      if (now !== seen) await read(path, use)
    } catch (error) {
      if (now !== seen) options.report(`${(error as Error).message}; what was read before stays in force`)
    }
    seen = now
  }
  let checking = false
  const timer = setInterval(() => {
    if (checking) return
    checking = true
    void check().finally(() => {
      checking = false
    })
  }, options.everyMs ?? EVERY_MS)
  timer.unref()
  return { check, close: () => clearInterval(timer) }
}

/** Changes whenever the file is replaced or written. */
async function version(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return `${ino}/${size}/${mtimeMs}/${ctimeMs}`
  } catch (error) {
    throw new Error(`File '${path}' cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

async function read(path: string, use: (text: string) => void): Promise<void> {
  try {
    const { size } = await stat(path)
    if (size > MAX_BYTES) throw new Error(`It has ${size} bytes, ${MAX_BYTES} are allowed`)
    use(await readFile(path, 'utf8'))
  } catch (error) {
    throw new Error(`File '${path}' cannot be used: ${(error as Error).message}`, { cause: error })
  }
}
