/** The Debian packages that tests use: installs what is missing where it may, else says what to install. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Package by the program that shows that it is there. */
const NEEDED: Readonly<Record<string, string>> = {
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  chromium: 'chromium',
  openssl: 'openssl',
  curl: 'curl',
}

const FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const missingPackages = (): string[] =>
  Object.entries(NEEDED)
    .filter(([program]) => !FOLDERS.some(folder => isExecutable(join(folder, program))))
    .map(([, name]) => name)

/** Undefined once everything is there, else what the user has to do. */
export function providePackages(): string | undefined {
  const missing = missingPackages()
  if (missing.length === 0) return undefined
  const list = missing.join(' ')
  if (process.getuid?.() !== 0) return `The tests need Debian packages. Run: sudo apt-get install ${list}`
  // Run level 1: a package that brings a service must not start it, it would take port 1883.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...words: string[]) => spawnSync('apt-get', words, { env, stdio: 'inherit' }).status === 0
  if (apt('update', '-q') && apt('install', '-q', '-y', '--no-install-recommends', ...missing)) {
    const still = missingPackages()
    if (still.length === 0) return undefined
  }
  return `Debian packages could not be installed: ${list}`
}
