/** Files that one command leaves for the next: JSON, whole or not at all. Knows nothing of what is in them. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Undefined if there is no such file. @throws Error if it is not what `writeJson` wrote, with `advice` on what to do */
export function readJson<T>(file: string, advice: string): T | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new Error(`File ${file} is damaged; ${advice}`, { cause })
  }
}

/** They hold tokens: nobody else may read them. */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true })
  const fresh = `${file}.new`
  writeFileSync(fresh, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
