/**
 * Random lives of clients that roam between sites, with links that break, sites that are apart and cores that die: nothing that
 * was acknowledged is lost, and nothing with QoS 2 is seen twice by clients that do not cross between sites that are apart.
 */
import { describe, expect, test } from 'vitest'
import { type Life, live, lost, seeds, twice } from './roam.ts'

const THREE = ['eu', 'us', 'ap']
const TWO = ['eu', 'us']

async function check(seed: number, life: Life, exactly: boolean): Promise<void> {
  const lived = await live(seed, life)
  expect(lost(lived)).toEqual([])
  if (exactly) expect(twice(lived)).toEqual([])
}

describe('clients roam', () => {
  // 47: a client overtakes its own session twice, and what was in flight is known to a third site.
  test.each(seeds(10, 47))('between sites that are well (%i)', async seed => {
    await check(seed, { names: THREE, cuts: false, parts: false, crashes: false }, true)
  })

  // 169: a client goes on from a third site, and back to what the second one has still to fetch.
  test.each(seeds(10, 169))('while links between sites break (%i)', async seed => {
    await check(seed, { names: THREE, cuts: true, parts: false, crashes: false }, true)
  })

  test.each(seeds(10))('while sites are apart (%i)', async seed => {
    await check(seed, { names: TWO, cuts: true, parts: true, crashes: false }, false)
  })

  // 228: a client goes to a site that has not read what waits for the one it comes from, and back. 550: its core dies while it brings one.
  // 236: a core dies before it has started.
  test.each(seeds(10, 228, 236, 550))('while cores die (%i)', async seed => {
    await check(seed, { names: TWO, cuts: true, parts: true, crashes: true }, false)
  })
})
