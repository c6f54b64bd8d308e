/** The folder of an installation: which file holds what. Starts nothing. */
import { join } from 'node:path'
import { readJson, writeJson } from '../json-file.ts'
import type { Plan } from './plan.ts'
import type { Conditions } from './relay/line.ts'

/** What is remembered between commands, besides the processes of each group. */
export interface Installation {
  readonly plan: Plan
  /** False after `down`. */
  readonly isUp: boolean
  /** `cut` has the ways that are cut off at the moment. */
  readonly conditions: Conditions
  readonly program: string
  readonly coreArgs: readonly string[]
  readonly edgeArgs: readonly string[]
  readonly flush: 'ASYNC' | 'SYNC'
}

const fileIn = (dir: string): string => join(dir, 'regions.json')

/** Undefined if nothing was ever started there. @throws Error if the file is damaged */
export function loadInstallation(dir: string): Installation | undefined {
  return readJson<Installation>(fileIn(dir), 'end the processes of this folder and remove it')
}

export function saveInstallation(dir: string, installation: Installation): void {
  writeJson(fileIn(dir), installation)
}

/** Processes that are in one place and are started together: `global` (Redis, the relay of the WAN), `host` (the relay before devices), or a region. */
export const groupDir = (dir: string, group: string): string => join(dir, group)
export const relaySocket = (dir: string, relay: 'wan' | 'devices'): string => join(dir, `${relay}.sock`)
