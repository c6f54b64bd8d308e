/** `meridian config check FILE` and `meridian config reference`. */
import { parseAcl } from '../../edge/auth/acl.ts'
import { parseCredentials } from '../../edge/auth/credentials.ts'
import type { ListenerSettings } from '../config/listeners.ts'
import { loadFile } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import { referenceMarkdown } from '../config/reference.ts'
import { UsageError } from './misuse.ts'
import { FINE, type Io } from './ports.ts'

export function config(argv: readonly string[], io: Io): number {
  const [what, file, ...more] = argv
  if (what === 'reference' && file === undefined) {
    io.out(referenceMarkdown())
    return FINE
  }
  if (what !== 'check' || file === undefined || more.length > 0) {
    throw new UsageError("Write 'meridian config check FILE' or 'meridian config reference'")
  }
  const { auth, listeners } = loadFile(file, io.readFile)
  const problems = [
    ...tryFile('auth.passwordFile', auth.passwordFile, text => parseCredentials(text), io),
    ...tryFile('auth.aclFile', auth.aclFile, text => parseAcl(text), io),
    ...listeners.flatMap((listener, i) => tlsFiles(listener, `listeners[${i}]`, io)),
  ]
  if (problems.length > 0) throw new ConfigError(problems)
  io.out(`${file} is fine`)
  return FINE
}

/** Whether the files are there; what is in them is found out at the start. */
function tlsFiles(listener: ListenerSettings, key: string, io: Io): string[] {
  if (listener.kind !== 'tls' && listener.kind !== 'wss') return []
  const pairs = [{ at: key, ...listener }, ...listener.sni.map((pair, i) => ({ at: `${key}.sni[${i}]`, ...pair }))]
  return [
    ...pairs.flatMap(({ at, certFile, keyFile }) => [
      ...tryFile(`${at}.certFile`, certFile, () => undefined, io),
      ...tryFile(`${at}.keyFile`, keyFile, () => undefined, io),
    ]),
    ...tryFile(`${key}.caFile`, listener.caFile, () => undefined, io),
  ]
}

/** What is wrong with a file that the configuration names. */
function tryFile(key: string, path: string | undefined, parse: (text: string) => unknown, io: Io): string[] {
  if (path === undefined) return []
  try {
    parse(io.readFile(path))
    return []
  } catch (error) {
    return [`${key} is '${path}': ${error instanceof Error ? error.message : String(error)}`]
  }
}
