/** A client comes from a site that has just met this one again, while this one reads what waited there for all of its sessions. */
import { expect, onTestFinished, test } from 'vitest'
import { rest, roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

test.each(Array.from({ length: 30 }, (_, turns) => turns))(
  '%s turns after the sites meet, while what waited for others is being read: nothing is lost or comes twice, and in order',
  async turns => {
    const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, limits: { peerPageMessages: 2 } })
    onTestFinished(() => sites.close())
    await rest(sites)
    const sub = await roamer(sites, 'sub', 'us', 'a/+')
    const other = await roamer(sites, 'other', 'eu', 'a/+')
    const local = await roamer(sites, 'local', 'us')
    sub.disconnect()
    sites.part('eu', 'us')
    await rest(sites, sub)
    const texts = Array.from({ length: 40 }, (_, i) => `${i}`)
    for (const text of texts) local.publish('a/1', text, 2)
    await rest(sites, local)
    sites.heal()
    const isLinked = () => sites.at('eu').core.peers!.get('us' as never)!.linked
    for (let i = 0; !isLinked() && i < 1_000; i++) {
      sites.tick()
      for (let k = 0; !isLinked() && k < 200 && sites.turn(); k++);
      await new Promise(done => setImmediate(done))
    }
    for (let i = 0; i < turns; i++) sites.turn()
    await sub.go('eu')
    await rest(sites, local, sub, other)
    expect(textsOf(sub)).toEqual(texts)
    expect(textsOf(other)).toEqual(texts)
  },
)
