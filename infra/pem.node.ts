/** PEM files that a setting names. */
import { readFile } from 'node:fs/promises'

/** Undefined without a path; rejects with a text that names setting and file if it cannot be had. */
export async function readPem(setting: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    const text = await readFile(path, 'utf8')
    if (!text.includes('-----BEGIN ')) throw new Error('Nothing in it is PEM')
    return text
  } catch (error) {
    throw new Error(`${setting} is '${path}': ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
