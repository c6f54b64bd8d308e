/** `meridian config check FILE` and `meridian config reference`. */
import { parseAcl } from '../../edge/auth/acl.ts'
import { parseCredentials } from '../../edge/auth/credentials.ts'
import { CORE, EDGE, START } from '../config/commands.ts'
import type { Stores } from '../config/core.ts'
import type { EdgeConfig } from '../config/edge.ts'
import type { ListenerSettings } from '../config/listeners.ts'
import { loadFile } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import { referenceMarkdown } from '../config/reference.ts'
import { UsageError } from './misuse.ts'
import { FINE, type Io } from './ports.ts'

export function config(argv: readonly string[], io: Io): number {
  const [what, file, name = 'start', ...more] = argv
  if (what === 'reference' && file === undefined) {
    io.out(referenceMarkdown())
    return FINE
  }
  if (what !== 'check' || file === undefined || more.length > 0 || !isCommand(name)) {
    throw new UsageError("Write 'meridian config check FILE [start|edge|core]' or 'meridian config reference'")
  }
  const problems = CHECKS[name](file, io)
  if (problems.length > 0) throw new ConfigError(problems)
  io.out(`${file} is fine`)
  return FINE
}

const LINK_FILES = ['linkCaFile', 'linkCertFile', 'linkKeyFile'] as const
const TLS_FILES = ['tlsCertFile', 'tlsKeyFile', 'tlsCaFile'] as const

/** What is wrong with the files that a configuration names. Throws a ConfigError if it is wrong itself. */
const CHECKS: Readonly<Record<'start' | 'edge' | 'core', (path: string, io: Io) => string[]>> = {
  start: (path, io) => filesOfDevices(loadFile(START, path, io.readFile), io),
  edge: (path, io) => {
    const config = loadFile(EDGE, path, io.readFile)
    return [...filesOfDevices(config, io), ...anyFiles(config, LINK_FILES, io)]
  },
  core: (path, io) => {
    const config = loadFile(CORE, path, io.readFile)
    return [...anyFiles(config, [...TLS_FILES, ...LINK_FILES], io), ...filesOfStores(config.stores, io)]
  },
}

const isCommand = (name: string): name is keyof typeof CHECKS => Object.hasOwn(CHECKS, name)

const filesOfDevices = ({ auth, listeners }: Pick<EdgeConfig, 'auth' | 'listeners'>, io: Io): string[] => [
  ...tryFile('auth.passwordFile', auth.passwordFile, text => parseCredentials(text), io),
  ...tryFile('auth.aclFile', auth.aclFile, text => parseAcl(text), io),
  ...listeners.flatMap((listener, i) => tlsFiles(listener, `listeners[${i}]`, io)),
]

const filesOfStores = (stores: Stores, io: Io): string[] =>
  stores.are === 'embedded'
    ? []
    : anyFiles(
        { rocketmqCaFile: stores.rocketmq.tls?.caFile, redisCaFile: stores.redisCaFile },
        ['rocketmqCaFile', 'redisCaFile'],
        io,
      )

const anyFiles = <K extends string>(config: { readonly [key in K]?: string | undefined }, keys: readonly K[], io: Io) =>
  keys.flatMap(key => tryFile(key, config[key], () => undefined, io))

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
