/** The options of `npm run chaos`. */
import { parseArgs } from 'node:util'

export interface Settings {
  readonly seed: number
  readonly rounds: number
  /** Names of the faults to choose from; undefined: all that the rig has. */
  readonly faults: readonly string[] | undefined
  readonly target: 'cluster' | 'embedded' | 'standalone'
  readonly edges: number
  /** Long outages take this share of their time. */
  readonly patience: number
}

export const USAGE = `npm run chaos -- [--seed N] [--rounds 20] [--fault NAME,…] [--target cluster|embedded|standalone] [--edges 3] [--patience 1]
  --seed      chooses faults, moments and places; printed, so that a run can be repeated
  --rounds    faults in all: every one once before any comes again
  --fault     only these
  --target    cluster: RocketMQ, Redis, two cores, edges; embedded: one core with its data on the disk, edges;
              standalone: one process
  --patience  outages of 30 s and 60 s take this share of their time`

/** Throws an error that names what is wrong and what is allowed. */
export function parseSettings(args: readonly string[]): Settings {
  const text = { type: 'string' } as const
  const options = { seed: text, rounds: text, fault: text, target: text, edges: text, patience: text }
  const { values } = parseArgs({ args: [...args], options, strict: true })
  const number = (flag: 'seed' | 'rounds' | 'edges' | 'patience', otherwise: number, low: number, high: number) => {
    const value = values[flag] === undefined ? otherwise : Number(values[flag])
    if (value >= low && value <= high) return value
    throw new Error(`Flag --${flag} is '${values[flag]}' but must be a number from ${low} to ${high}`)
  }
  const target = values.target ?? 'cluster'
  if (target !== 'cluster' && target !== 'embedded' && target !== 'standalone') {
    throw new Error(`Flag --target is '${target}' but must be cluster, embedded or standalone`)
  }
  return {
    seed: Math.floor(number('seed', Date.now() % 1_000_000, 0, 2 ** 32 - 1)),
    rounds: Math.floor(number('rounds', 20, 1, 1_000_000)),
    faults: values.fault?.split(','),
    target,
    edges: Math.floor(number('edges', 3, 2, 16)),
    patience: number('patience', 1, 0.05, 10),
  }
}
