/** A client goes to another site while one that has just met the other again reads what waited there for all of its sessions. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { MemoryInboxes } from '../../core/inbox/memory.ts'
import { siteOf } from '../../core/site/name.ts'
import { type Roamer, rest, roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

/** `sub` has lived at that site, `other` lives at eu, `local` at us; the sites are apart. */
async function apart(
  home: string,
  peerPageMessages = 100,
): Promise<Record<'sub' | 'other' | 'local', Roamer> & { sites: Sites }> {
  const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, limits: { peerPageMessages } })
  onTestFinished(() => sites.close())
  await rest(sites)
  const sub = await roamer(sites, 'sub', home, 'a/+')
  const other = await roamer(sites, 'other', 'eu', 'a/+')
  const local = await roamer(sites, 'local', 'us')
  sub.disconnect()
  sites.part('eu', 'us')
  await rest(sites, sub)
  return { sites, sub, other, local }
}

/** Until the first can ask the second. */
async function linked(sites: Sites, from: string, to: string): Promise<void> {
  const isLinked = () => sites.at(from).core.peers!.get(to as never)!.linked
  for (let i = 0; !isLinked() && i < 1_000; i++) {
    sites.tick()
    for (let k = 0; !isLinked() && k < 200 && sites.turn(); k++);
    await new Promise(done => setImmediate(done))
  }
}

test.each(Array.from({ length: 30 }, (_, turns) => turns))(
  '%s turns after they meet a client goes to the site that reads what waited: nothing is lost or comes twice, and in order',
  async turns => {
    const { sites, sub, other, local } = await apart('us', 2)
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`)
    for (const text of texts) local.publish('a/1', text, 2)
    await rest(sites, local)
    sites.heal()
    await linked(sites, 'eu', 'us')
    for (let i = 0; i < turns; i++) sites.turn()
    await sub.go('eu')
    await rest(sites, local, sub, other)
    expect(textsOf(sub)).toEqual(texts)
    expect(textsOf(other)).toEqual(texts)
  },
)

test('a client leaves a site that reads what waited for it, and takes too long: the same', async () => {
  const { sites, sub, other, local } = await apart('eu')
  const texts = Array.from({ length: 40 }, (_, i) => `${i}`)
  for (const text of texts) local.publish('a/1', text, 2)
  await rest(sites, local)
  const later = reading()
  sites.heal()
  await linked(sites, 'us', 'eu')
  sub.settles = false
  sub.at = 'us'
  sub.connect()
  const passes = async (ms: number) => {
    for (let i = 0; i < 50; i++) sites.turn()
    await new Promise(done => setImmediate(done))
    sites.tick(ms)
  }
  for (let i = 0; i < 12; i++) await passes(500)
  expect(later.length).toBe(2)
  // First the page that eu asked for, then what us has of it.
  for (const one of later.splice(0)) {
    one()
    await passes(100)
  }
  vi.restoreAllMocks()
  await rest(sites, local, sub, other)
  expect(textsOf(sub)).toEqual(texts)
  expect(textsOf(other)).toEqual(texts)
})

/** What waits for sites is read when these are called. */
function reading(): (() => void)[] {
  const later: (() => void)[] = []
  const real = MemoryInboxes.prototype.read
  vi.spyOn(MemoryInboxes.prototype, 'read').mockImplementation(function (this: MemoryInboxes, ...args) {
    if (siteOf(args[0]) === undefined) real.apply(this, args)
    else later.push(() => real.apply(this, args))
  })
  return later
}
