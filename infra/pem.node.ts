/** PEM files that a setting names. */
import { readFile } from 'node:fs/promises'

/** Undefined without a path; rejects with a text that names setting and file if it cannot be had. */
export async function readPem(setting: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Error(`${setting} is '${path}': ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
