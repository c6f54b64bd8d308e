/** What a user reads: README.md, and the pages of docs/. Runs nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Section, sectionsOf } from './blocks.ts'

export const ROOT = resolve(import.meta.dirname, '../..')

/** Relative to the root, README.md first. */
export const PAGES: readonly string[] = ['README.md', ...readdirSync(`${ROOT}/docs`).map(name => `docs/${name}`)]

export const textOfPage = (page: string): string => readFileSync(`${ROOT}/${page}`, 'utf8')

/** The sections of all pages that have examples. Throws an Error that names the line of a block whose purpose is not clear. */
export const sectionsOfPages = (): (Section & { readonly page: string })[] =>
  PAGES.flatMap(page => sectionsOf(textOfPage(page)).map(section => ({ page, ...section })))
