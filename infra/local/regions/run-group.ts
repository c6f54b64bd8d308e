/** Starts groups and asks how they are, each inside of its network namespace: here if that is this one, else in a short-lived program there. */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Installation } from './files.ts'
import { describeGroup, groupNamespace, type ProcessStatus, statusOf } from './group.ts'
import { inNamespace } from './network.ts'

const PROGRAM = new URL('group.node.ts', import.meta.url).pathname
/** It ends with this process, so that nothing is started that nobody ends. */
const TETHER = '/usr/bin/setpriv'
const tether = existsSync(TETHER) ? [TETHER, '--pdeathsig', 'KILL', '--'] : []

/** Resolves when all of the group answer. @throws Error of the first that does not */
export async function startGroup(
  dir: string,
  installation: Installation,
  group: string,
  onStep: (text: string) => void,
): Promise<void> {
  const namespace = groupNamespace(installation.plan, group)
  const say = (text: string): void => onStep(`${group}: ${text}`)
  if (namespace === undefined) return describeGroup(dir, installation, group).start(say)
  const [command = '', ...words] = [...tether, ...wordsIn(namespace, 'start', dir, group)]
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  createInterface({ input: child.stdout }).on('line', say)
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8')
  })
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  if (status !== 0) throw new Error(`Region ${group} does not start: ${said.trim() || status}`)
}

export async function groupStatus(dir: string, installation: Installation, group: string): Promise<ProcessStatus[]> {
  const namespace = groupNamespace(installation.plan, group)
  const { processes } = describeGroup(dir, installation, group)
  // What does not run needs not be asked.
  if (namespace === undefined || processes.every(one => one.pid === undefined)) return statusOf(processes)
  const [command = '', ...words] = wordsIn(namespace, 'health', dir, group)
  const { stdout } = await promisify(execFile)(command, words)
  return JSON.parse(stdout) as ProcessStatus[]
}

const wordsIn = (namespace: string, what: string, dir: string, group: string): string[] => [
  ...inNamespace(namespace),
  ...[process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, what, dir, group],
]
