/** The relay process: opens the lines that a file names and takes new conditions over its control socket. `main.node.ts FILE SOCKET` */
import { readFileSync } from 'node:fs'
import { serveControl } from './control.ts'
import { type Conditions, Line, type LineSpec } from './line.ts'

/** What the file holds. */
export interface RelayFile {
  readonly lines: readonly LineSpec[]
  readonly conditions: Conditions
}

const [file = '', socket = ''] = process.argv.slice(2)
const { lines: specs, conditions: first } = JSON.parse(readFileSync(file, 'utf8')) as RelayFile
let conditions = first
const lines = specs.map(spec => new Line(spec, () => conditions))
await Promise.all(lines.map(line => line.listen()))
await serveControl(socket, change => {
  conditions = { ...conditions, ...change }
  for (const line of lines) line.adapt()
  return { connections: lines.reduce((sum, line) => sum + line.connections, 0) }
})
