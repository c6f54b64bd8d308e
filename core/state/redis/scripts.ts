/** The Lua scripts by name, and their hashes. Runs none of them; their texts are in the `.lua` files beside this one. */

export const SCRIPTS = [
  'sessions',
  'retained',
  'page',
  'read',
  'lease',
  'leases',
  'claim',
  'tell',
  'taken',
  'restore',
  'wal',
] as const
export type ScriptName = (typeof SCRIPTS)[number]

/** The `.lua` files, by name without the ending. */
export const SOURCES = ['fence', ...SCRIPTS] as const
export type Source = (typeof SOURCES)[number]

/** Those that write for a site begin with `fence.lua`. */
const FENCED: ReadonlySet<ScriptName> = new Set(['sessions', 'retained', 'claim', 'tell', 'restore', 'wal'])

export interface Script {
  readonly source: string
  /** As EVALSHA wants it: SHA-1 of the source, in lower-case hex. */
  readonly sha: string
}

export type Scripts = Readonly<Record<ScriptName, Script>>

export async function prepare(texts: Readonly<Record<Source, string>>): Promise<Scripts> {
  const prepared = await Promise.all(
    SCRIPTS.map(async name => {
      const source = FENCED.has(name) ? `${texts.fence}\n${texts[name]}` : texts[name]
      return [name, { source, sha: await sha1(source) }] as const
    }),
  )
  return Object.fromEntries(prepared) as unknown as Scripts
}

async function sha1(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)))
  return [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
