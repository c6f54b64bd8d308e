/** Cores that end and start again while messages of other sites are in their log, and clients that come back before a site knows that they were away: who has had a message does not get it again, who has not gets it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Client } from './client.ts'
import { Sites } from './sites.ts'

let sites: Sites
let dir = ''

async function open(): Promise<void> {
  dir = mkdtempSync(join(tmpdir(), 'meridian-restart-'))
  sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, dataDir: name => join(dir, name) })
  await rest()
}

afterEach(() => {
  sites.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Its next connection may go to another site. */
class Roamer extends Client {
  at: string
  /** Its CONNECT is over when nothing moves any more. */
  settles = true

  constructor(id: string, at: string) {
    super(
      {
        open: () => sites.at(this.at).open(),
        feed: (pipe, bytes) => sites.at(this.at).feed(pipe, bytes),
        settle: () => {
          if (this.settles) sites.settle()
        },
      } as ConstructorParameters<typeof Client>[0],
      id,
    )
    this.at = at
  }
}

const microtasks = () => new Promise(done => setImmediate(done))

/** These answer at once, and come again if they have to, until nothing moves. */
async function rest(...clients: Client[]): Promise<void> {
  for (let quiet = 0, round = 0; quiet < 8; round++) {
    if (round > 300) throw new Error('The clients do not come to rest')
    quiet++
    for (let moved = 1; moved > 0; ) {
      sites.settle()
      moved = 0
      for (const one of clients) moved += one.work()
      if (moved > 0) quiet = 0
      await microtasks()
    }
    for (const one of clients) if (!one.connected) one.connect()
    sites.pass(250)
  }
}

async function roamer(id: string, at: string, filter?: string): Promise<Roamer> {
  const one = new Roamer(id, at)
  one.connect()
  await rest(one)
  if (filter !== undefined) one.subscribe(filter, 2)
  await rest(one)
  return one
}

const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

const ENDS = {
  stops: () => sites.at('us').stopCore(),
  dies: () => sites.at('us').crashCore(),
}
test('who comes from a site that changes its core in order waits for the next core, and goes on from what that knows', async () => {
  await open()
  const sub = await roamer('sub', 'us', 'a/+')
  sites.at('us').stopCore()
  sub.at = 'eu'
  sub.drop()
  await rest(sub)
  expect(sites.at('eu').coreStats).toMatchObject({ sessionsBrought: 1, sessionsTaken: 0 })
})

test('a core that is stopping does not go on with the session of a site to which it has said good-bye', async () => {
  await open()
  const sub = await roamer('sub', 'us', 'a/+')
  const pub = await roamer('pub', 'eu')
  pub.publish('a/1', '1', 2)
  await rest(sub, pub)
  const stopping = sites.at('eu').coreStats
  void sites.at('eu').core.peers!.close()
  sub.at = 'eu'
  sub.connect()
  await rest(pub)
  expect(stopping).toMatchObject({ sessionsBrought: 0, sessionsTaken: 0 })
  sites.at('eu').stopCore()
  await rest(sub, pub)
  pub.publish('a/1', '2', 2)
  await rest(sub, pub)
  expect(textsOf(sub)).toEqual(['1', '2'])
  expect(sites.at('eu').coreStats).toMatchObject({ sessionsBrought: 1, sessionsTaken: 0 })
})

describe.each(['at once', 'after it has said good-bye'])(
  'the core of the site that a client comes from ends %s:',
  how => {
    test.each([0, 2, 4, 5, 6, 8, 12])(
      'what waits there is fetched from the next one, in front of what comes meanwhile (%i turns later)',
      async turns => {
        await open()
        const sub = await roamer('sub', 'us', 'a/+')
        const other = await roamer('other', 'eu', 'a/+')
        const pub = await roamer('pub', 'us')
        sub.disconnect()
        pub.publish('a/1', '1', 2)
        await rest(pub, other)
        if (how !== 'at once') void sites.at('us').core.peers!.close()
        sub.at = 'eu'
        sub.settles = false
        sub.connect()
        for (let i = 0; i < turns && sites.turn(); i++) await microtasks()
        sites.at('us').stopCore()
        for (let i = 0; i < 6; i++) {
          sites.pass(250)
          await microtasks()
        }
        pub.connect()
        pub.publish('a/1', '2', 2)
        await rest(sub, other, pub)
        for (const one of [sub, other]) expect(textsOf(one)).toEqual(['1', '2'])
        expect(sites.at('eu').coreStats).toMatchObject({ sessionsBrought: 1, sessionsTaken: 0, messagesLate: 0 })
      },
    )
  },
)

const cases = (['stops', 'dies'] as const).flatMap(how => (['us', 'eu'] as const).map(to => [how, to] as const))

describe.each(cases)('the core %s, the client comes to %s:', (how, to) => {
  test('what it has completed does not come again, though another client has not answered', async () => {
    await open()
    const done = await roamer('done', 'us', 'a/+')
    const slow = await roamer('slow', 'us', 'a/+')
    const pub = await roamer('pub', 'eu')
    for (const text of ['1', '2', '3']) pub.publish('a/1', text, 2)
    await rest(pub, done)
    expect(textsOf(done)).toEqual(['1', '2', '3'])
    ENDS[how]()
    done.at = to
    done.drop()
    await rest(pub, done)
    pub.publish('a/1', '4', 2)
    await rest(pub, done)
    slow.connect()
    await rest(pub, done, slow)
    for (const one of [done, slow]) expect(textsOf(one)).toEqual(['1', '2', '3', '4'])
  })

  test('nor what it had late from the site that it came from', async () => {
    await open()
    const sub = await roamer('sub', 'eu', 'a/+')
    const slow = await roamer('slow', 'us', 'a/+')
    const pub = await roamer('pub', 'eu')
    sub.disconnect()
    sites.part('eu', 'us')
    for (const text of ['1', '2', '3']) pub.publish('a/1', text, 2)
    await rest(pub)
    sub.at = 'us'
    await rest(sub, pub)
    sites.heal()
    await rest(sub, pub)
    expect(textsOf(sub)).toEqual(['1', '2', '3'])
    ENDS[how]()
    sub.at = to
    sub.drop()
    await rest(pub, sub)
    slow.connect()
    await rest(pub, sub, slow)
    for (const one of [sub, slow]) expect(textsOf(one)).toEqual(['1', '2', '3'])
  })

  test('what it had late comes to the others all the same, if it ends before that, and to it only once', async () => {
    await open()
    const sub = await roamer('sub', 'eu', 'a/+')
    const other = await roamer('other', 'us', 'a/+')
    const pub = await roamer('pub', 'eu')
    sub.disconnect()
    sites.part('eu', 'us')
    for (const text of ['1', '2', '3']) pub.publish('a/1', text, 2)
    await rest(pub)
    sub.at = 'us'
    await rest(sub, pub)
    sites.heal()
    while (textsOf(sub).length < 3) {
      sites.pass(250)
      await microtasks()
      sub.work()
    }
    expect(textsOf(other)).toEqual([])
    ENDS[how]()
    sub.at = to
    sub.drop()
    // While it is away nobody can tell what the client has had there.
    if (to === 'eu') await rest(pub, other)
    await rest(pub, sub, other)
    for (const one of [sub, other]) expect(textsOf(one)).toEqual(['1', '2', '3'])
  })
})

test.each([0, 1, 2, 3])(
  'its edge is handed for others what it had late, and has not seen that when it leaves (%i)',
  async turns => {
    await open()
    const sub = await roamer('sub', 'eu', 'a/+')
    const other = await roamer('other', 'us', 'a/+')
    const pub = await roamer('pub', 'eu')
    sub.disconnect()
    sites.part('eu', 'us')
    for (const text of ['1', '2', '3']) pub.publish('a/1', text, 2)
    await rest(pub)
    sub.at = 'us'
    await rest(sub, pub)
    sites.heal()
    const { coreStats } = sites.at('us')
    const began = coreStats.relayedIn
    while (coreStats.relayedIn === began) {
      if (sites.turn()) sub.work()
      else sites.tick()
      await microtasks()
    }
    for (let i = 0; i < turns; i++) sites.turn()
    sub.drop()
    await rest(sub, other, pub)
    for (const one of [sub, other]) expect(textsOf(one)).toEqual(['1', '2', '3'])
  },
)

test.each(['dies', 'goes on'])(
  'a site is heard no more while a client comes from it, which has not read what waits for it: the core %s',
  async how => {
    await open()
    const sub = await roamer('sub', 'eu', 'a/+')
    const pub = await roamer('pub', 'us')
    sub.disconnect()
    sites.bar('eu', 'us')
    for (const text of ['1', '2', '3']) pub.publish('a/1', text, 2)
    await rest(pub)
    sub.at = 'us'
    sub.settles = false
    sub.connect()
    while (sites.at('us').coreStats.sessionsBrought === 0) sites.turn()
    sites.silence('us', 'eu')
    sites.settle()
    if (how === 'dies') sites.at('us').crashCore()
    for (let i = 0; i < 80; i++) {
      sites.pass(250)
      await microtasks()
    }
    sites.heal()
    await rest(sub, pub)
    expect(textsOf(sub)).toEqual(['1', '2', '3'])
  },
)

test('what is in flight to a client, and was left where it goes back to, comes once', async () => {
  await open()
  const sub = await roamer('sub', 'eu', 'a/+')
  const pub = await roamer('pub', 'us')
  sites.bar('us', 'eu')
  sub.at = 'us'
  sub.drop()
  await rest(sub)
  for (const text of ['1', '2']) pub.publish('a/1', text, 2)
  await rest(pub)
  sub.at = 'eu'
  sub.drop()
  await rest(sub, pub)
  expect(textsOf(sub)).toEqual(['1', '2'])
})

test('a client goes back and forth while the sites are apart: it has what it subscribed to where it was last', async () => {
  await open()
  const sub = await roamer('sub', 'eu', 'a/+')
  const pub = await roamer('pub', 'us')
  sites.part('eu', 'us')
  await rest(sub, pub)
  for (const at of ['us', 'eu', 'us']) {
    sub.at = at
    sub.connect()
    // No time passes: us is not told that it is at eu.
    for (let i = 0; i < 9; i++) {
      sites.settle()
      sub.work()
      await microtasks()
    }
    if (at === 'eu') sub.subscribe('b/+', 2)
  }
  pub.publish('b/1', 'x', 2)
  await rest(sub, pub)
  expect(textsOf(sub)).toEqual(['x'])
})
