/** A client that goes to another site while the two are apart, and comes back before they meet: what it had is not taken for what it missed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rest, roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

test('back before they meet: what it had there comes once, though it waits there for the other site', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-back-'))
  const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, dataDir: name => join(dir, name) })
  onTestFinished(() => {
    sites.close()
    rmSync(dir, { recursive: true, force: true })
  })
  await rest(sites)
  const sub = await roamer(sites, 'sub', 'eu', 'a/+')
  const other = await roamer(sites, 'other', 'us', 'a/+')
  const local = await roamer(sites, 'local', 'eu')
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
