/** Sees to it that the programs a local installation runs are there. Knows no versions but that of Java. */
import { spawnSync } from 'node:child_process'
import { providePrograms } from '../ci/packages.ts'

const JAVA = 17

/** Installs them with apt-get where this user may. @throws Error with the command that installs them */
export function requirePrograms(...programs: readonly ('java' | 'mvn' | 'redis-server')[]): void {
  const command = providePrograms(programs)
  if (command !== undefined) throw new Error(`Programs are missing (${programs.join(', ')}): ${command}`)
  if (!programs.includes('java') || javaIsKnown) return
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (version < JAVA)
    throw new Error(`Java ${JAVA} is needed, 'java' is ${version}: apt-get install openjdk-17-jre-headless`)
  javaIsKnown = true
}

let javaIsKnown = false
