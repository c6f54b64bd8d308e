/**
 * Random lives of clients that roam between sites which read for long what waits for them: small limits, many messages at once, and
 * several subscribers at each site. Nothing that was acknowledged is lost; and within the usual limits it comes in order, with QoS 2 once.
 */
import { describe, expect, test } from 'vitest'
import { disordered, type Life, live, lost, seeds, twice } from './roam.ts'

const THREE = ['eu', 'us', 'ap']
const TWO = ['eu', 'us']

const SMALL = {
  maxInflight: 3,
  sessionQueueMessages: 4,
  drainPageMessages: 2,
  watermarkHoldMs: 5_000,
  peerPageMessages: 2,
  peerWaitingBytes: 400,
}

const WELL: Life = { names: THREE, cuts: false, parts: false, crashes: false, subs: 5, burst: 20, answers: true }
const SLOW: Life = { ...WELL, limits: SMALL }

test.each(seeds(4))('sites are well: in order, and QoS 2 once (%i)', async seed => {
  const lived = await live(seed, { ...WELL, settled: true })
  expect([...lost(lived), ...twice(lived), ...disordered(lived)]).toEqual([])
})

// 2124: a packet id waits for PUBCOMP at one site, and has another message at the other.
test.each(seeds(5, 2124))(
  'two sites that are apart at times, and cores that end, or die: nothing is lost (%i)',
  async seed => {
    const life: Life = { names: TWO, cuts: true, parts: true, crashes: true, stops: true }
    expect(lost(await live(seed, life))).toEqual([])
  },
)

describe('sites are slow: nothing is lost', () => {
  test.each(seeds(4, 2, 13, 19, 36))('otherwise they are well (%i)', async seed => {
    expect(lost(await live(seed, { ...SLOW, settled: true }))).toEqual([])
  })

  test.each(seeds(3, 6, 13))('links between them break (%i)', async seed => {
    expect(lost(await live(seed, { ...SLOW, cuts: true }))).toEqual([])
  })

  // 16: a client goes there and back while both cores die.
  test.each(seeds(3, 16))('three, and cores die (%i)', async seed => {
    expect(lost(await live(seed, { ...SLOW, crashes: true }))).toEqual([])
  })

  test.each(seeds(3, 11))('two that are apart at times, and cores end (%i)', async seed => {
    expect(
      lost(await live(seed, { ...SLOW, names: TWO, cuts: true, parts: true, crashes: true, stops: true })),
    ).toEqual([])
  })
})
