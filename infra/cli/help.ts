/** The texts of `--help`, made from the schema where they list settings. */
import { SETTINGS, type Setting } from '../config/settings.ts'

export const HELP = `Meridian, an MQTT 3.1.1 and 5.0 gateway

Usage
  meridian start [flags]                          run the gateway (meridian start --help lists the flags)
  meridian config check FILE                      say whether a configuration file is fine
  meridian config reference                       print every setting as Markdown
  meridian passwd FILE USER [--stdin] [--scram]   set a user's password; --scram also for SCRAM-SHA-256
  meridian --help | --version

Settings come from their defaults, then --config FILE (YAML), then MERIDIAN_… variables, then flags.
Exit status: 0 fine, 1 it did not work, 2 a flag, variable or file is wrong.`

export function startHelp(): string {
  const rows = SETTINGS.map(setting => [`  ${nameOf(setting)}`, textOf(setting)] as const)
  rows.unshift(['  --config', 'Configuration file, YAML'])
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return [
    'Usage: meridian start [flags]',
    '',
    'Each flag is also a variable (--mqtt-port: MERIDIAN_MQTT_PORT) and a key of the file (mqttPort).',
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
