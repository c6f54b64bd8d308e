/** Links of README.md and docs/ to files of this repository, and to headings, lead somewhere. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { PAGES, ROOT, textOfPage } from './pages.ts'

const LINK = /\]\(([^)\s]+)\)/g
const isElsewhere = (target: string): boolean => /^[a-z]+:/.test(target)

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (page: string): string[] =>
  [...textOfPage(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!))

test.each(PAGES)('%s', page => {
  const broken = [...textOfPage(page).matchAll(LINK)]
    .map(([, target]) => target!)
    .filter(target => !isElsewhere(target))
    .filter(target => {
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page : join(dirname(page), file)
      if (!existsSync(join(ROOT, path))) return true
      return anchor !== undefined && path.endsWith('.md') && !anchorsOf(path).includes(anchor)
    })
  expect(broken).toEqual([])
})
