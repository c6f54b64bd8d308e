/** Where the check reads and where it keeps what it has fetched and built. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const INFRA = new URL('..', import.meta.url).pathname
export const CHECK = new URL('.', import.meta.url).pathname
/** Ignored by git; may be removed at any time. */
export const CACHE = new URL('../../.local/infra-check/', import.meta.url).pathname

/** A folder with Terraform in it, by its path below `infra`. */
export interface Module {
  /** `modules/topology`, `examples/local`. */
  readonly path: string
  /** It asks for a provider that does not come with Terraform. */
  readonly needsProvider: boolean
  readonly hasTests: boolean
}

/** Modules and examples below `root`, which is laid out as `infra`. */
export function modulesIn(root: string): Module[] {
  return ['modules', 'examples'].flatMap(group =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => `${group}/${name}`)
      .map(path => ({
        path,
        needsProvider: textOf(join(root, path)).includes('required_providers'),
        hasTests: existsSync(join(root, path, 'tests')),
      })),
  )
}

/** All of the Terraform in a folder, not below it. */
export const textOf = (folder: string): string =>
  readdirSync(folder)
    .filter(name => name.endsWith('.tf'))
    .map(name => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
