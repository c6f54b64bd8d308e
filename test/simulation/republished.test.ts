/** A QoS 2 publish that a site has taken in and not answered, or not so that anybody heard it, while nobody reaches that site: its client publishes it at another one, and it comes to everybody once. */
import { expect, test } from 'vitest'
import { openSites, type Roamer, rest, roamer, textsOf } from './roamer.ts'
import type { Sites } from './sites.ts'

interface World {
  readonly sites: Sites
  /** Publishes, first at eu. */
  readonly pub: Roamer
  /** At eu as long as it can be reached, then at us. */
  readonly sub: Roamer
  /** Always at us. */
  readonly other: Roamer
  /** Always at eu. */
  readonly home: Roamer
}

async function open(): Promise<World> {
  const sites = await openSites('eu', 'us')
  const sub = await roamer(sites, 'sub', 'eu', 'a/+')
  const other = await roamer(sites, 'other', 'us', 'a/+')
  const home = await roamer(sites, 'home', 'eu', 'a/+')
  const pub = await roamer(sites, 'pub', 'eu')
  return { sites, pub, sub, other, home }
}

/** The publisher goes to us, where eu cannot be asked, and `sub` too. */
async function move({ sites, pub, sub, other }: World): Promise<void> {
  pub.lost()
  await pub.go('us')
  await rest(sites, pub, other)
  sub.lost()
  await sub.go('us')
  await rest(sites, sub, other)
}

async function meet({ sites, pub, sub, other, home }: World): Promise<void> {
  sites.heal()
  for (let i = 0; i < 4; i++) {
    for (const one of [pub, sub, other, home]) if (!one.connected) one.connect()
    await rest(sites, pub, sub, other, home)
  }
}

const seen = ({ sub, other, home }: World): string[][] => [sub, other, home].map(one => textsOf(one).sort())
const alike = (texts: string[]): string[][] => [texts, texts, texts]

/** Only what is in the log yet, and in no record. */
test.each(['goes on', 'dies'])(
  'the site that has it %s, and comes back: what it has is not published once more',
  async how => {
    const world = await open()
    const { sites, pub } = world
    sites.part('eu', 'us')
    pub.publish('a/1', 'once', 2)
    sites.settle()
    await move(world)
    if (how === 'dies') sites.at('eu').crashCore()
    expect(pub.acked).toEqual(['once'])
    expect(textsOf(world.other)).toEqual(['once'])
    await meet(world)
    expect(seen(world)).toEqual(alike(['once']))
    pub.publish('a/1', 'once', 2)
    await rest(sites, pub)
    await meet(world)
    expect(seen(world)).toEqual(alike(['once', 'once']))
  },
)

test('the site has not got it: one like it that was complete there comes too', async () => {
  const world = await open()
  const { sites, pub, home } = world
  sites.part('eu', 'us')
  pub.publish('a/1', 'alike', 2)
  await rest(sites, pub, home)
  expect(pub.acked).toEqual(['alike'])
  pub.drop()
  pub.publish('a/1', 'alike', 2)
  await move(world)
  await meet(world)
  expect(seen(world)).toEqual(alike(['alike', 'alike']))
})

test('the client has heard that the site has it: what it publishes then under the same packet id is another message', async () => {
  const world = await open()
  const { sites, pub } = world
  sites.part('eu', 'us')
  pub.publish('a/1', 'alike', 2)
  sites.settle()
  const [first] = [...pub.unacked]
  const [messageId, one] = first!
  one.released = true
  await move(world)
  expect(pub.acked).toEqual(['alike'])
  pub.unacked.set(messageId, { packet: one.packet, released: false })
  pub.send({ ...one.packet })
  await rest(sites, pub)
  expect(pub.acked).toEqual(['alike', 'alike'])
  await meet(world)
  expect(seen(world)).toEqual(alike(['alike', 'alike']))
})

test('many of them, and other messages of the same client', async () => {
  const world = await open()
  const { sites, pub, sub, home } = world
  sites.part('eu', 'us')
  const texts: string[] = []
  for (let n = 0; n < 40; n++) {
    texts.push(`${n % 7}`)
    pub.publish('a/1', `${n % 7}`, 2)
    if (n === 10) await rest(sites, pub, sub, home)
  }
  sites.settle()
  await move(world)
  await meet(world)
  expect(pub.unacked.size).toBe(0)
  expect(seen(world)).toEqual(alike(texts.sort()))
})

/** Those of `move` and `meet`, without anybody else. */
async function publishTwice(
  sites: Sites,
  pub: Roamer,
  between: () => Promise<void>,
  ...more: Parameters<Roamer['publish']>
) {
  sites.part('eu', 'us')
  pub.publish(...more)
  sites.settle()
  pub.lost()
  await between()
  await pub.go('us')
  await rest(sites, pub)
  expect(pub.acked).toEqual([more[1]])
}

/** No time passes. */
async function turns(sites: Sites, count = 5): Promise<void> {
  for (let i = 0; i < count; i++) {
    sites.settle()
    await new Promise(done => setImmediate(done))
  }
}

test('for one client, which goes the other way in between: it comes to it', async () => {
  const { sites, pub, other } = await open()
  const between = async () => {
    other.lost()
    await other.go('eu')
  }
  await publishTwice(sites, pub, between, '$p2p/other/a', 'once', 2)
  await meet({ sites, pub, sub: other, other, home: other })
  expect(textsOf(other)).toEqual(['once'])
})

test.each([2, 4, 5, 6, 7, 8])(
  'what had come already, and its client goes back (after %i ticks) and publishes one like it: that comes too',
  async ticks => {
    const world = await open()
    const { sites, pub, other } = world
    pub.publish('a/1', 'alike', 2)
    sites.settle()
    sites.part('eu', 'us')
    pub.lost()
    await pub.go('us')
    await rest(sites, pub, other)
    sites.heal()
    for (let i = 0; i < ticks; i++) {
      sites.tick()
      await turns(sites, 1)
    }
    const before = textsOf(other).filter(text => text === 'alike').length
    pub.lost()
    pub.at = 'eu'
    pub.connect()
    await turns(sites)
    pub.publish('a/1', 'alike', 2)
    await meet(world)
    expect(pub.unacked.size).toBe(0)
    expect(textsOf(other).filter(text => text === 'alike')).toHaveLength(before + 1)
  },
)

test('retained, and another one in between: all sites keep the same', async () => {
  const world = await open()
  const { sites, pub, other } = world
  const between = async () => {
    sites.pass(1_000)
    other.publish('a/1', 'between', 2, true)
    await rest(sites, other)
  }
  await publishTwice(sites, pub, between, 'a/1', 'once', 2, true)
  await meet(world)
  expect(seen(world).map(texts => texts.filter(text => text === 'once'))).toEqual([['once'], ['once'], ['once']])
  for (const at of ['eu', 'us']) {
    const late = await roamer(sites, `late-${at}`, at, 'a/+')
    await rest(sites, late)
    expect(textsOf(late)).toEqual(['once'])
  }
})
