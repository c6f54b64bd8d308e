/** `npm run infra:check` finds nothing wrong, as anybody would run it. */
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../../infra/check/faults.ts'
import { modulesIn } from '../../../infra/check/places.ts'
import { run } from '../../../infra/check/run.ts'
import { INFRA, leftOut } from './terraform.ts'

/** What it takes to fetch and build everything, and far more than that: a test run does much else meanwhile. */
const WITHIN_MS = 15 * 60_000
const absent = leftOut(['terraform', 'go'])

describe.skipIf(absent !== '')(`npm run infra:check${absent}`, () => {
  test(
    'nothing is wrong',
    async () => {
      const { status, output } = await run('npm', ['run', '--silent', 'infra:check'])
      expect([status, output]).toEqual([0, expect.stringMatching(/Nothing is wrong$/)])
      expect(output).toMatch(/Faults: all \d+ made on purpose were caught/)
    },
    WITHIN_MS,
  )
})

test.each(modulesIn(INFRA).filter(({ path }) => path.startsWith('modules/')))(
  'faults of each kind are made in $path on purpose',
  ({ path }) => {
    const kinds = FAULTS.filter(fault => `modules/${fault.module}` === path).map(fault => fault.kind)
    expect(kinds.sort()).toEqual(['missing variable', 'misspelt attribute', 'open to all', 'wrong value'])
  },
)
