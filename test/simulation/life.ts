/** What property tests of the whole gateway share: operations by weight, rest at the end of a run, and the check that nothing is left behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc, { type Arbitrary } from 'fast-check'
import { expect } from 'vitest'
import type { Client } from './client.ts'
import { type Gateway, World, type WorldOptions } from './world.ts'

/** Multiplies the runs of every property, for long searches by hand. */
const FACTOR = Number(process.env.MERIDIAN_RUNS ?? 1)
export const runs = (n: number): { numRuns: number } => ({ numRuns: Math.ceil(n * FACTOR) })

/** One kind of operation: `{ do: name, …fields }`, as often as its weight says. */
export const op = <K extends string, F extends object = object>(
  weight: number,
  name: K,
  fields: { [P in keyof F]: Arbitrary<F[P]> } = {} as { [P in keyof F]: Arbitrary<F[P]> },
): { weight: number; arbitrary: Arbitrary<{ do: K } & F> } => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), ...fields }) as unknown as Arbitrary<{ do: K } & F>,
})

/** Everybody works until nothing moves and some time has passed. */
export function comeToRest(world: Pick<Gateway, 'settle' | 'pass'>, clients: readonly Client[]): void {
  for (let quiet = 0, round = 0; quiet < 5; round++) {
    if (round > 500) throw new Error('The clients do not come to rest')
    world.settle()
    let moved = 0
    for (const client of clients) moved += client.work()
    quiet = moved === 0 ? quiet + 1 : 0
    if (quiet > 0) world.pass(1000)
  }
}

const LONGER_THAN_ANY_SESSION_MS = 40 * 24 * 3600 * 1000

/** Everybody leaves, every session ends: all that is counted up and down is back at zero but for retained messages and known topics. */
export function nothingLeft(world: Gateway, clients: readonly Client[]): void {
  for (const client of clients) {
    client.drop()
    for (const one of client.abandoned.splice(0)) one.closed()
  }
  world.settle()
  expect(now(world.stats)).toEqual({})
  for (let i = 0; i < 4; i++) world.pass(i === 0 ? LONGER_THAN_ANY_SESSION_MS : 1000)
  const { nowRetained: _, nowRetainedBytes: __, nowCachedTopics: ___, ...core } = now(world.coreStats)
  expect(core).toEqual({})
}

/** The gauges that are not zero. */
const now = (stats: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(stats).filter(([name, value]) => name.startsWith('now') && value !== 0))

/** Runs `live` in a gateway on a data directory of its own, which is gone afterwards. */
export function onDisk(options: WorldOptions, live: (world: World) => void): void {
  const dataDir = mkdtempSync(join(tmpdir(), 'meridian-sim-'))
  const world = new World({ ...options, dataDir })
  try {
    live(world)
  } finally {
    world.core.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
