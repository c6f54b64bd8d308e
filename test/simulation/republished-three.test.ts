/** A QoS 2 publish that a site has taken in and not answered, while the site its client goes to is cut off from both others: what those have of it does not come to them from there as well. */
import { expect, test } from 'vitest'
import { openSites, type Roamer, rest, roamer, textsOf } from './roamer.ts'
import type { Sites } from './sites.ts'

const NAMES = ['ap', 'us', 'eu']

/** Publishes at ap, with somebody at each site. */
async function open(): Promise<{ sites: Sites; pub: Roamer; homes: Roamer[] }> {
  const sites = await openSites(...NAMES)
  const homes: Roamer[] = []
  for (const name of NAMES) homes.push(await roamer(sites, `home-${name}`, name, 'a/+'))
  return { sites, pub: await roamer(sites, 'pub', 'ap'), homes }
}

async function meet(sites: Sites, ...clients: Roamer[]): Promise<void> {
  for (let i = 0; i < 4; i++) {
    for (const one of clients) if (!one.connected) one.connect()
    await rest(sites, ...clients)
  }
}

test.each([
  { first: 'ap', ticks: 0 },
  { first: 'eu', ticks: 0 },
  { first: 'eu', ticks: 2 },
  { first: 'eu', ticks: 4 },
  { first: 'ap', ticks: 4 },
])('it comes to nobody twice, whoever is back first: $first, by $ticks ticks', async ({ first, ticks }) => {
  const { sites, pub, homes } = await open()
  sites.part('us', 'ap')
  sites.part('us', 'eu')
  pub.publish('a/1', 'once', 2)
  sites.settle()
  pub.lost()
  await pub.go('us')
  await rest(sites, pub, ...homes)
  expect(pub.acked).toEqual(['once'])
  sites.join('us', first)
  for (let i = 0; i < ticks; i++) {
    sites.tick()
    sites.settle()
  }
  sites.heal()
  await meet(sites, pub, ...homes)
  expect(homes.map(textsOf)).toEqual([['once'], ['once'], ['once']])
  pub.publish('a/1', 'once', 2)
  await meet(sites, pub, ...homes)
  expect(homes.map(textsOf)).toEqual(NAMES.map(() => ['once', 'once']))
})

test('the site has not got it: it comes to everybody', async () => {
  const { sites, pub, homes } = await open()
  sites.part('us', 'ap')
  sites.part('us', 'eu')
  pub.drop()
  pub.publish('a/1', 'once', 2)
  await pub.go('us')
  await rest(sites, pub, ...homes)
  sites.heal()
  await meet(sites, pub, ...homes)
  expect(homes.map(textsOf)).toEqual([['once'], ['once'], ['once']])
})
