/** Reads the Lua scripts from the files beside this one. The build puts their texts here instead (`infra/build.ts`), so that a bundle is one file. */
import { readFileSync } from 'node:fs'
import { SOURCES, type Source } from './scripts.ts'

export const LUA = Object.fromEntries(
  SOURCES.map(name => [name, readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')]),
) as Readonly<Record<Source, string>>
