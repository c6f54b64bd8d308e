/** The texts of `--help`, made from the schema where they list settings. */
import type { Catalog, Setting } from '../config/settings.ts'

export const HELP = `Meridian, an MQTT 3.1.1 and 5.0 gateway

Usage
  meridian start [flags]                          run the whole gateway in one process
  meridian edge [flags]                           run an edge, which devices connect to
  meridian core [flags]                           run a core, which keeps messages and which edges link to
  meridian config check FILE [start|edge|core]    say whether a configuration file is fine for that command
  meridian config reference                       print every setting as Markdown
  meridian passwd FILE USER [--stdin] [--scram]   set a user's password; --scram also for SCRAM-SHA-256
  meridian --help | --version

meridian start|edge|core --help lists the flags. Settings come from their defaults, then --config FILE (YAML), then MERIDIAN_… variables, then flags.
Exit status: 0 fine, 1 it did not work, 2 a flag, variable or file is wrong, 3 another core of the site took over.`

/** The flags of a command. */
export function helpOf({ name, catalog }: { readonly name: string; readonly catalog: Catalog }): string {
  const rows = catalog.settings.map(setting => [`  ${nameOf(setting)}`, textOf(setting)] as const)
  rows.unshift(['  --config', 'Configuration file, YAML'])
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return [
    `Usage: meridian ${name} [flags]`,
    '',
    'Each flag is also a variable (--http-port: MERIDIAN_HTTP_PORT) and a key of the file (httpPort).',
    '',
    ...rows.map(([name, text]) => name.padEnd(width) + text),
  ].join('\n')
}

const nameOf = (setting: Setting): string => setting.short?.flag ?? setting.flag

function textOf({ node }: Setting): string {
  const standard = node.default
  const shown =
    standard === undefined || standard === '' ? '' : ` [${Array.isArray(standard) ? standard.join(',') : standard}]`
  return `${node.description ?? ''}${shown === ' []' ? '' : shown}`
}
