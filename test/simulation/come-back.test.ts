/** A client that goes to another site while the two are apart, and comes back before what waits where it was has been read: what it had is not taken for what it missed. */
import { describe, expect, test } from 'vitest'
import { openSites, type Roamer, rest, roamer, textsOf } from './roamer.ts'
import type { Sites } from './sites.ts'

/** `sub` and `local`, who publishes, are at eu; `other` is at us. */
async function open(): Promise<Record<'sub' | 'other' | 'local', Roamer> & { sites: Sites }> {
  const sites = await openSites('eu', 'us')
  const sub = await roamer(sites, 'sub', 'eu', 'a/+')
  const other = await roamer(sites, 'other', 'us', 'a/+')
  const local = await roamer(sites, 'local', 'eu')
  return { sites, sub, other, local }
}

test('back before they meet: what it had there comes once, though it waits there for the other site', async () => {
  const { sites, sub, other, local } = await open()
  sites.part('eu', 'us')
  local.publish('a/1', 'had', 2)
  await rest(sites, local, sub)
  await sub.go('us')
  other.publish('a/1', 'us', 2)
  await rest(sites, other, sub)
  local.publish('a/1', 'away', 2)
  await rest(sites, local)
  await sub.go('eu')
  expect(textsOf(sub)).toEqual(['had', 'us', 'away'])
  sites.heal()
  await rest(sites, local, sub, other)
  await rest(sites, local, sub, other)
  expect(textsOf(sub)).toEqual(['had', 'us', 'away'])
  expect(textsOf(other).sort()).toEqual(['away', 'had', 'us'])
})

test('back when only the other one is heard: the same', async () => {
  const { sites, sub, other, local } = await open()
  sites.part('eu', 'us')
  local.publish('a/1', 'had', 2)
  await rest(sites, local, sub)
  await sub.go('us')
  local.publish('a/1', 'left', 2)
  await rest(sites, local, sub, other)
  sites.heal()
  sites.bar('us', 'eu')
  await rest(sites)
  await sub.go('eu')
  local.publish('a/1', 'new', 2)
  await rest(sites, local, sub)
  expect(textsOf(sub)).toEqual(['had', 'left', 'new'])
  sites.heal()
  await rest(sites, local, sub, other)
  await rest(sites, local, sub, other)
  expect(textsOf(sub)).toEqual(['had', 'left', 'new'])
})

test('there and back at once, so that nobody knows that it was away: the same', async () => {
  const { sites, sub, local } = await open()
  sites.part('eu', 'us')
  local.publish('a/1', 'had', 2)
  await rest(sites, local, sub)
  for (const at of ['us', 'eu']) {
    sub.at = at
    sub.connect()
  }
  local.publish('a/1', 'new', 2)
  await rest(sites, local, sub)
  sites.heal()
  await rest(sites, local, sub)
  await rest(sites, local, sub)
  expect(textsOf(sub)).toEqual(['had', 'new'])
})

test('there again before what it had left there was fetched: what it had here since does not come there, with all that waits here', async () => {
  const { sites, sub, other, local } = await open()
  sites.part('eu', 'us')
  local.publish('a/1', '1', 2)
  await rest(sites, local, sub)
  await sub.go('us')
  await sub.go('eu')
  local.publish('a/1', '2', 2)
  await rest(sites, local, sub)
  sites.heal()
  sites.bar('eu', 'us')
  const us = sites.at('us').core.peers!.get('eu')!
  for (let i = 0; !us.linked; i++) {
    if (i > 10_000) throw new Error('The sites do not meet')
    if (!sites.turn()) sites.tick()
    await new Promise(done => setImmediate(done))
  }
  await sub.go('us')
  await rest(sites, local, sub, other)
  sites.heal()
  await rest(sites, local, sub, other)
  await rest(sites, local, sub, other)
  expect(textsOf(sub)).toEqual(['1', '2'])
  expect(textsOf(other)).toEqual(['1', '2'])
})

describe.each(['both are apart again', 'only the other one is heard'])(
  'back when its session has been fetched, and what waits there for all has not; %s:',
  what => {
    test.each([0, 1, 2, 4, 8])('what it had there comes once (%i turns later)', async turns => {
      const { sites, sub, other, local } = await open()
      const texts: string[] = []
      const publish = (text: string) => {
        texts.push(text)
        local.publish('a/1', text, 2)
      }
      sites.part('eu', 'us')
      publish('had')
      await rest(sites, local, sub)
      await sub.go('us')
      publish('left')
      await rest(sites, local, sub)
      sites.heal()
      const { coreStats } = sites.at('us')
      for (let i = 0, left = 0; coreStats.nowSessionsOwed > 0; i++) {
        if (i > 10_000) throw new Error('Its session is not fetched')
        if (left-- > 0) publish(`${i}`)
        if (sites.turn()) sub.work()
        else {
          sites.tick()
          left = 20
        }
        local.work()
        await new Promise(done => setImmediate(done))
      }
      for (let i = 0; i < turns; i++) sites.turn()
      sites.bar('us', 'eu')
      if (what.startsWith('both')) sites.bar('eu', 'us')
      publish('away')
      await rest(sites, local, sub)
      await sub.go('eu')
      await rest(sites, local, sub)
      sites.heal()
      await rest(sites, local, sub, other)
      await rest(sites, local, sub, other)
      expect(textsOf(sub).toSorted()).toEqual(texts.toSorted())
      expect(textsOf(other)).toEqual(texts)
      expect(sites.at('eu').coreStats.nowLeft).toBe(0)
    })
  },
)
