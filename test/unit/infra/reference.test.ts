/** The configuration reference: complete, and the page's copy is the one of this schema. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { helpOf } from '../../../infra/cli/help.ts'
import { COMMANDS } from '../../../infra/config/commands.ts'
import { BEGIN, END, referenceMarkdown, withReference } from '../../../infra/config/reference.ts'

const PAGE = new URL('../../../docs/configuration.md', import.meta.url)

test('every setting is listed with its flag, variable and meaning', () => {
  const lines = referenceMarkdown().split('\n')
  for (const { name, catalog } of COMMANDS) {
    for (const { key, flag, variable, node } of catalog.settings) {
      const of = lines.filter(text => text.startsWith(`| \`${key}\` |`))
      const line = of.find(
        text => text.includes('| all |') || new RegExp(`\\| [a-z, ]*\\b${name}\\b[a-z, ]* \\|`).test(text),
      )
      expect(line, `${name} ${key}`).toBeDefined()
      expect(line).toContain(`\`${flag}\``)
      expect(line).toContain(`\`${variable}\``)
      expect(line).toContain(node.description!.slice(0, 20).replaceAll('|', '\\|'))
      expect(node.description, key).toMatch(/^[A-Z`].{10}/)
    }
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

test.each(COMMANDS.map(command => [command.name, command] as const))(
  'help of %s lists every flag by its shortest name',
  (_, command) => {
    const help = helpOf(command)
    for (const { flag, short } of command.catalog.settings) expect(help).toContain(`  ${short?.flag ?? flag} `)
  },
)

test('the reference goes between the markers and nowhere else', () => {
  const page = `before\n${BEGIN}\nwhat was there\n${END}\nafter\n`
  const written = withReference(page)
  expect(written.startsWith(`before\n${BEGIN}\n`)).toBe(true)
  expect(written.endsWith(`\n${END}\nafter\n`)).toBe(true)
  expect(written).not.toContain('what was there')
  expect(withReference(written)).toBe(written)
  expect(() => withReference('no markers')).toThrow('The page has no')
})

test('docs/configuration.md holds the reference of this schema; npm run reference writes it', () => {
  const page = readFileSync(PAGE, 'utf8')
  expect(withReference(page)).toBe(page)
})
