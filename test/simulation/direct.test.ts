/** Messages to one client ($p2p) find it at whichever site it lives. */
import { afterEach, describe, expect, test } from 'vitest'
import { rest, roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

let sites: Sites

afterEach(() => sites.close())

async function open(...names: string[]): Promise<void> {
  sites = new Sites({ names, edges: 1, shared: true })
  await rest(sites)
}

describe('one client [$p2p]', () => {
  test('is found at the other site', async () => {
    await open('eu', 'us')
    const sub = await roamer(sites, 'sub', 'eu')
    const pub = await roamer(sites, 'pub', 'us')
    pub.publish('$p2p/sub/t', '1', 1)
    pub.publish('$p2p/sub/t', '2', 2)
    pub.publish('$p2p/nobody/t', '3', 1)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['1', '2'])
    sub.disconnect()
    pub.publish('$p2p/sub/t', '4', 1)
    await rest(sites, sub, pub)
    await sub.go('us')
    expect(textsOf(sub)).toEqual(['1', '2', '4'])
  })

  test('is found where it has gone, also by those who still know it elsewhere', async () => {
    await open('eu', 'us', 'ap')
    const sub = await roamer(sites, 'sub', 'eu')
    const pub = await roamer(sites, 'pub', 'us')
    pub.publish('$p2p/sub/t', '1', 1)
    for (let i = 0; i < 30; i++) {
      sites.settle()
      pub.work()
      sub.work()
      await new Promise(done => setImmediate(done))
    }
    expect(textsOf(sub)).toEqual(['1'])
    sub.at = 'ap'
    sub.connect()
    for (let i = 0; i < 60; i++) {
      sites.turn()
      sub.work()
      if (i % 4 === 0) await new Promise(done => setImmediate(done))
    }
    expect(sub.sessionPresent).toBe(true)
    pub.publish('$p2p/sub/t', '2', 1)
    await rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['1', '2'])
  })
})
