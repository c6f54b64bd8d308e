/** Brings RocketMQ's jars from Maven Central into one folder that all runs share. Downloads once; a half download is never used. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const CACHE = new URL('../../../.local/rocketmq/', import.meta.url).pathname
const POM = new URL('pom.xml', import.meta.url).pathname
const MARKER = 'complete'
const DOWNLOAD_MS = 15 * 60_000

/** True if nothing has to be downloaded. */
export function haveJars(): boolean {
  const marker = join(CACHE, 'lib', MARKER)
  return existsSync(marker) && readFileSync(marker, 'utf8') === pomHash()
}

/** @returns the folder of the jars, for a class path `folder/*`. @throws Error with Maven's words if it cannot download them. */
export async function provideJars(): Promise<string> {
  const folder = join(CACHE, 'lib')
  if (haveJars()) return folder
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
      rmSync(folder, { recursive: true, force: true })
      renameSync(fresh, folder)
    }
  } catch (cause) {
    if (haveJars()) return folder
    const { stdout = '', message } = cause as Error & { stdout?: string }
    throw new Error(`RocketMQ's jars cannot be downloaded with Maven: ${stdout.trim() || message}`, { cause })
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return folder
}

const pomHash = (): string => createHash('sha256').update(readFileSync(POM)).digest('hex')
