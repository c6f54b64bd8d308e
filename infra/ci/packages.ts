/** The Debian packages that tests and local installations use: installs what is missing where it may, else says what to install and which tests have to be left out. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

interface Package {
  readonly name: string
  /** The program that shows that it is there. */
  readonly program: string
  /** Test files that cannot run without it; those that look for it themselves are not listed. */
  readonly tests: readonly string[]
}

const README = 'test/readme/readme.test.ts'
/** What runs RocketMQ, Redis or both. */
const SITE = 'test/{chaos/cluster/cluster,drill/drill}.test.ts'
const ROCKETMQ = [
  'test/integration/{local,regions,infra/local}.test.ts',
  'test/integration/{rocketmq,bridge}/*.test.ts',
  'test/contract/{log,inbox}.test.ts',
  'test/cluster/{cluster,bridge}.test.ts',
  SITE,
  README,
]
const REDIS = [
  'test/integration/{local*,regions,infra/local}.test.ts',
  'test/integration/redis/*.test.ts',
  'test/contract/{directory,state}.test.ts',
  'test/cluster/{cluster,bridge}.test.ts',
  SITE,
  README,
]
const PACKAGES: readonly Package[] = [
  {
    name: 'mosquitto',
    program: 'mosquitto',
    tests: ['test/integration/device/{device,regions,discovery}.test.ts'],
  },
  { name: 'mosquitto-clients', program: 'mosquitto_pub', tests: ['test/clients/mosquitto*.test.ts', README] },
  { name: 'chromium', program: 'chromium', tests: [] },
  {
    name: 'openssl',
    program: 'openssl',
    tests: ['test/integration/{deno-process,listen-deno,listen-https,listen-tls,device/device}.test.ts', README],
  },
  { name: 'curl', program: 'curl', tests: [README] },
  { name: 'openjdk-17-jre-headless', program: 'java', tests: ROCKETMQ },
  { name: 'maven', program: 'mvn', tests: ROCKETMQ },
  { name: 'redis-server', program: 'redis-server', tests: REDIS },
  { name: 'python3-venv', program: 'python3', tests: ['test/integration/infra/check.test.ts'] },
]

/** What is asked of the machine, so that a test can be the machine. */
export interface Machine {
  readonly isRoot: boolean
  /** Where programs are looked for. */
  readonly folders: readonly string[]
  /** Runs apt-get; true if it ended well. */
  aptGet(...words: readonly string[]): boolean
}

export interface Provided {
  /** For the user; undefined if everything is there. */
  readonly advice: string | undefined
  /** Test files to leave out, as vitest's `--exclude` takes them. */
  readonly leaveOut: readonly string[]
  /** They could have been installed here, and were not: a test run that leaves tests out for that has failed. */
  readonly failed: boolean
}

const EVERYTHING: Provided = { advice: undefined, leaveOut: [], failed: false }

export function providePackages(machine: Machine = thisMachine): Provided {
  const still = install(PACKAGES, machine)
  if (still.length === 0) return EVERYTHING
  const leaveOut = [...new Set(still.flatMap(({ tests }) => tests))]
  const advice = `Debian packages are missing, and the tests that need them are left out. To run all: ${command(still, machine)}`
  return { advice, leaveOut, failed: machine.isRoot }
}

/** Installs what brings these programs, where it may. @returns the command that the user has to run; undefined if they are there. */
export function providePrograms(programs: readonly string[], machine: Machine = thisMachine): string | undefined {
  const wanted = PACKAGES.filter(({ program }) => programs.includes(program))
  const still = install(wanted, machine)
  return still.length === 0 ? undefined : command(still, machine)
}

/** @returns what is missing afterwards */
function install(packages: readonly Package[], machine: Machine): Package[] {
  const before = missing(packages, machine)
  if (before.length > 0 && machine.isRoot && machine.aptGet('update', '-q')) {
    machine.aptGet('install', '-q', '-y', '--no-install-recommends', ...before.map(({ name }) => name))
  }
  return before.length === 0 ? before : missing(packages, machine)
}

const command = (packages: readonly Package[], { isRoot }: Machine): string =>
  `${isRoot ? '' : 'sudo '}apt-get install ${packages.map(({ name }) => name).join(' ')}`

const missing = (packages: readonly Package[], { folders }: Machine): Package[] =>
  packages.filter(({ program }) => !folders.some(folder => isExecutable(join(folder, program))))

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const thisMachine: Machine = {
  isRoot: process.getuid?.() === 0,
  folders: [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'],
  aptGet(...words) {
    // Run level 1: a package that brings a service must not start it, it would take port 1883.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    return spawnSync('apt-get', words, { env, stdio: 'inherit' }).status === 0
  },
}
