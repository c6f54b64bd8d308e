/** Prints the table statement × tests, those no test names, and those that cannot be tested. `npm run statements [-- --short]`. */
import { type Place, places, required, STATEMENTS } from './scan.ts'
import type { Statement } from './statement.ts'

const named = places()

const shown = (list: readonly Place[]): string => {
  const files = new Map<string, number[]>()
  for (const { file, line } of list) files.set(file, [...(files.get(file) ?? []), line])
  return [...files].map(([file, lines]) => `${file}:${lines.join(',')}`).join(' ')
}

function line(statement: Statement): string {
  const tests = named.get(statement.id) ?? []
  const where = statement.untestable === undefined ? shown(tests) : `not testable: ${statement.untestable}`
  return `${statement.id.padEnd(16)} ${statement.side.padEnd(7)} ${statement.says}\n${' '.repeat(25)}${where || '-'}`
}

const missing = STATEMENTS.filter(s => required(s) && !named.has(s.id))
const known = new Set(STATEMENTS.map(s => s.id))
const unknown = [...named.keys()].filter(id => !known.has(id))

if (!process.argv.includes('--short')) for (const statement of STATEMENTS) console.log(line(statement))
console.log('\nNot named by any test:')
for (const statement of missing) console.log(`  ${statement.id} (${statement.side}): ${statement.says}`)
console.log('\nNot testable:')
for (const s of STATEMENTS) if (s.untestable !== undefined) console.log(`  ${s.id}: ${s.untestable}`)
console.log('\nCited, but in no list:')
for (const id of unknown) console.log(`  ${id}: ${shown(named.get(id) ?? [])}`)

for (const [title, prefix] of [
  ['MQTT 3.1.1', 'MQTT3-'],
  ['MQTT 5.0', 'MQTT-'],
] as const) {
  const all = STATEMENTS.filter(s => s.id.startsWith(prefix))
  const must = all.filter(required)
  const has = must.filter(s => named.has(s.id))
  const onlyClients = all.filter(s => s.side === 'client')
  const too = onlyClients.filter(s => named.has(s.id))
  console.log(
    `\n${title}: ${has.length} of ${must.length} statements for servers are named by a test` +
      ` (${all.length} in all, ${too.length} of the ${onlyClients.length} for clients, by how their breach is answered)`,
  )
}
