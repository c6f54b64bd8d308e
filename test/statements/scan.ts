/** Finds which tests name which statement: in names, rows and comments alike. Reads files, judges nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Statement } from './statement.ts'
import { V5 } from './v5.ts'
import { V311 } from './v311.ts'

export const STATEMENTS: readonly Statement[] = [...V311, ...V5]

const IDS = new Set(STATEMENTS.map(s => s.id))
/** An id that only 3.1.1 has needs no mark. */
const canonical = (id: string): string => {
  const older = id.replace('MQTT-', 'MQTT3-')
  return !IDS.has(id) && IDS.has(older) ? older : id
}

const TESTS = resolve(import.meta.dirname, '..')
/** The lists themselves prove nothing; results are data of other programs. */
const LEFT_OUT = new Set(['statements', 'results', 'node_modules'])

/** `[MQTT-4.3.3-2]`, `[MQTT3-4.3.3-2]`, or several after one bracket. */
const CITATION = /MQTT3?-\d+(?:\.\d+)+-\d+/g

export interface Place {
  /** Relative to test/. */
  readonly file: string
  readonly line: number
}

/** Statement id → where it is named. */
export function places(folder = TESTS): ReadonlyMap<string, readonly Place[]> {
  const found = new Map<string, Place[]>()
  for (const file of sources(folder)) {
    for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      for (const [cited] of line.matchAll(CITATION)) {
        const id = canonical(cited)
        const list = found.get(id) ?? []
        list.push({ file: relative(folder, file), line: index + 1 })
        found.set(id, list)
      }
    }
  }
  return found
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (LEFT_OUT.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.(ts|json)$/.test(entry.name) ? [path] : []
  })
}

/** True if a test must name it: it binds the server, and can be shown. */
export const required = (statement: Statement): boolean =>
  statement.side !== 'client' && statement.untestable === undefined
