/** What a reader must know of the machine and the programs to judge the numbers. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { BROKERS } from './outcome.ts'
import { CORE, canPin } from './processes.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly pinning: string
  /** Version by broker. */
  readonly versions: { readonly [broker: string]: string }
}

const versionOf = (packageJson: string): string => {
  const parsed: unknown = JSON.parse(readFileSync(new URL(packageJson, import.meta.url), 'utf8'))
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown'
}

const mosquittoVersion = (): string => {
  const { stdout } = spawnSync('mosquitto', ['-h'], { encoding: 'utf8' })
  return /version (\S+)/.exec(stdout ?? '')?.[1] ?? 'not installed'
}

export const machine = (): Machine => {
  const version = {
    meridian: () => versionOf('../../package.json'),
    mosquitto: mosquittoVersion,
    aedes: () => versionOf('../../node_modules/aedes/package.json'),
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    pinning: canPin
      ? `broker on core ${CORE.broker}, generator on core ${CORE.load}`
      : 'none (one core only, or no taskset): broker and generator disturb each other',
    versions: Object.fromEntries(BROKERS.map(broker => [broker, version[broker]()])),
  }
}
