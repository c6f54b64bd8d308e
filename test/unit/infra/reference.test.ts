/** The configuration reference: complete, and the README's copy is the one of this schema. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startHelp } from '../../../infra/cli/help.ts'
import { BEGIN, END, referenceMarkdown, withReference } from '../../../infra/config/reference.ts'
import { SETTINGS } from '../../../infra/config/settings.ts'

const README = new URL('../../../README.md', import.meta.url)

test('every setting is listed with its flag, variable and meaning', () => {
  const lines = referenceMarkdown().split('\n')
  for (const { key, flag, variable, node } of SETTINGS) {
    const line = lines.find(text => text.startsWith(`| \`${key}\` |`))
    expect(line, key).toBeDefined()
    expect(line).toContain(`\`${flag}\``)
    expect(line).toContain(`\`${variable}\``)
    expect(node.description, key).toMatch(/^[A-Z`].{10}/)
  }
})

test('every row has as many cells as its head', () => {
  const cells = (line: string): number => line.replaceAll('\\|', '').split('|').length
  for (const table of referenceMarkdown()
    .split('\n\n')
    .filter(part => part.startsWith('|'))) {
    const [head, ...rows] = table.split('\n')
    for (const row of rows) expect(cells(row), row).toBe(cells(head!))
  }
})

test('help lists every flag by its shortest name', () => {
  const help = startHelp()
  for (const { flag, short } of SETTINGS) expect(help).toContain(`  ${short?.flag ?? flag} `)
})

test('the reference goes between the markers and nowhere else', () => {
  const readme = `before\n${BEGIN}\nwhat was there\n${END}\nafter\n`
  const written = withReference(readme)
  expect(written.startsWith(`before\n${BEGIN}\n`)).toBe(true)
  expect(written.endsWith(`\n${END}\nafter\n`)).toBe(true)
  expect(written).not.toContain('what was there')
  expect(withReference(written)).toBe(written)
  expect(() => withReference('no markers')).toThrow('README.md has no')
})

test.skipIf(!existsSync(README))('README.md holds the reference of this schema; npm run reference writes it', () => {
  const readme = readFileSync(README, 'utf8')
  expect(withReference(readme)).toBe(readme)
})
