/** Brings RocketMQ's jars from Maven Central into one folder that all runs share. Downloads once; a half download is never used. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requirePrograms } from '../programs.ts'

const CACHE = new URL('../../../.local/rocketmq/', import.meta.url).pathname
/** For a class path `JARS/*`. */
export const JARS = join(CACHE, 'lib')
const POM = new URL('pom.xml', import.meta.url).pathname
const MARKER = 'complete'
const DOWNLOAD_MS = 15 * 60_000

/** True if nothing has to be downloaded. */
export function haveJars(): boolean {
  const marker = join(JARS, MARKER)
  return existsSync(marker) && readFileSync(marker, 'utf8') === pomHash()
}

/** @throws Error that names the Debian packages if there is no Maven, or with Maven's words if it cannot download them. */
export async function provideJars(): Promise<void> {
  if (haveJars()) return
  requirePrograms('java', 'mvn')
  mkdirSync(CACHE, { recursive: true })
  const fresh = mkdtempSync(join(CACHE, 'download-'))
  try {
    await promisify(execFile)(
      'mvn',
      ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`],
      { timeout: DOWNLOAD_MS },
    )
    writeFileSync(join(fresh, MARKER), pomHash())
    // Another run may have been faster: what is complete stays, JVMs may run from it.
    if (!haveJars()) {
      rmSync(JARS, { recursive: true, force: true })
      renameSync(fresh, JARS)
    }
  } catch (cause) {
    if (haveJars()) return
    const { stdout = '', message } = cause as Error & { stdout?: string }
    throw new Error(`RocketMQ's jars cannot be downloaded with Maven: ${stdout.trim() || message}`, { cause })
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

const pomHash = (): string => createHash('sha256').update(readFileSync(POM)).digest('hex')
