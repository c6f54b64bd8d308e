/** The contract of the directory, run over every implementation: three sites, one global state. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClientKey } from '../../core/contract/ids.ts'
import type { Claimed, Foreign } from '../../core/site/port.ts'
import { client, record, subscription, will } from '../integration/redis/records.ts'
import { Servers } from '../integration/redis/servers.ts'
import { type DirectoryBox, memoryBox, redisBox, type Site } from './directory-boxes.ts'

let servers: Servers
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

const BOXES: readonly { readonly name: string; make(): DirectoryBox | Promise<DirectoryBox> }[] = [
  { name: 'memory', make: memoryBox },
  { name: 'Redis over TCP', make: () => redisBox(servers, 'tcp') },
  { name: 'Redis over REST', make: () => redisBox(servers, 'rest') },
]

/** For a busy machine. */
const PATIENT = { timeout: 20_000 }
const C = client('ü:1')

describe.each(BOXES)('directory: $name', ({ make }) => {
  let box: DirectoryBox
  beforeEach(async () => {
    box = await make()
  })
  afterEach(() => box.dispose())

  const claim = (at: Site, c: ClientKey = C, atLeast = 0) =>
    new Promise<Claimed | undefined>(done => box.directory[at].claim(c, atLeast, done))
  const find = (at: Site, c: ClientKey = C) => new Promise<string | undefined>(done => box.directory[at].find(c, done))
  const takeWill = (at: Site, epoch: number, c: ClientKey = C) =>
    new Promise<boolean | undefined>(done => box.directory[at].takeWill(c, epoch, done))
  const read = (at: Site, from: Site, c: ClientKey = C) =>
    new Promise<Foreign | 'none' | undefined>(done => box.directory[at].read(from, c, done))
  const commit = (at: Site) =>
    new Promise<void>((resolve, reject) =>
      box.state[at].commits.commit(error => (error === undefined ? resolve() : reject(error))),
    )
  /** What was said before has had its effect: nobody's will is asked for by each. */
  const told = () => Promise.all((['a', 'b', 'c'] as const).map(site => takeWill(site, 1, client('told'))))
  const owed = async (at: Site) => [...(await box.directory[at].owed())]

  test('an epoch is above what is known to all and what is known here; who had it before is named', async () => {
    expect(await claim('a', C, 1_700_000_000_000)).toEqual({ epoch: 1_700_000_000_001, from: [], before: '' })
    expect(await claim('a')).toEqual({ epoch: 1_700_000_000_002, from: [], before: 'a' })
    expect(await claim('b', C, 7)).toEqual({ epoch: 1_700_000_000_003, from: ['a'], before: 'a' })
    expect(await claim('c')).toEqual({ epoch: 1_700_000_000_004, from: ['b', 'a'], before: 'b' })
    expect(await claim('a', C, 1_800_000_000_000)).toEqual({ epoch: 1_800_000_000_001, from: ['c', 'b'], before: 'c' })
  })

  test('what is not settled is named again, at whichever site; what is settled is not', async () => {
    await claim('a')
    await claim('b')
    expect((await claim('b'))!.from).toEqual(['a'])
    expect((await claim('c'))!.from).toEqual(['b', 'a'])
    box.directory.c.settled(C, 'b')
    await expect.poll(async () => (await claim('c'))!.from, PATIENT).toEqual(['a'])
    box.directory.c.settled(C, 'a')
    await expect.poll(async () => (await claim('c'))!.from, PATIENT).toEqual([])
    expect((await claim('b'))!.from).toEqual(['c'])
    expect(await claim('c')).toMatchObject({ from: ['b'], before: 'b' })
    expect(await claim('c')).toMatchObject({ from: ['b'], before: 'c' })
  })

  test('answers come later, and claims are answered in their order', async () => {
    const answers: number[] = []
    const last = new Promise<void>(resolve => {
      for (let i = 0; i < 300; i++)
        box.directory.a.claim(client(i), i, () => {
          answers.push(i)
          if (i === 299) resolve()
        })
    })
    expect(answers).toEqual([])
    await last
    expect(answers).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('300 claims of one client from three sites: each has its own epoch, and one site has it', async () => {
    const sites = ['a', 'b', 'c'] as const
    const claims = await Promise.all(Array.from({ length: 300 }, (_, i) => claim(sites[i % 3]!)))
    const epochs = claims.map(c => c!.epoch)
    expect(new Set(epochs).size).toBe(300)
    expect(await find('a')).toBe(sites[epochs.indexOf(Math.max(...epochs)) % 3])
  })

  test('a session is found where it was claimed last, until it is over', async () => {
    expect(await find('b')).toBe('')
    const { epoch } = (await claim('a'))!
    expect(await find('b')).toBe('a')
    box.directory.a.forget(C, epoch)
    await expect.poll(() => find('b'), PATIENT).toBe('')
    expect((await claim('b'))!.from).toEqual([])
  })

  test('only where it lives, and not in an older epoch, a session can be over', async () => {
    const first = (await claim('a'))!.epoch
    const second = (await claim('a'))!.epoch
    box.directory.a.forget(C, first)
    box.directory.b.forget(C, second)
    await told()
    expect(await find('c')).toBe('a')
    const third = (await claim('b'))!.epoch
    box.directory.a.forget(C, third)
    await told()
    expect(await find('c')).toBe('b')
  })

  test('a session that was at several sites leaves its epoch behind', async () => {
    await claim('a', C, 1_000)
    const { epoch } = (await claim('b'))!
    const there = { client: C, epoch }
    expect(await box.directory.a.elsewhere([there])).toEqual(new Map([[C, true]]))
    expect(await box.directory.a.elsewhere([{ client: C, epoch: epoch + 1 }])).toEqual(new Map())
    box.directory.b.settled(C, 'a')
    box.directory.b.forget(C, epoch)
    await expect.poll(() => find('a'), PATIENT).toBe('')
    expect(await box.directory.a.elsewhere([there])).toEqual(new Map([[C, false]]))
    expect(await claim('c')).toMatchObject({ epoch: epoch + 1, from: [] })
    expect(await box.directory.a.elsewhere([there])).toEqual(new Map([[C, false]]))
  })

  test('what is owed is known at start, also of sessions that are over, until it is settled', async () => {
    expect(await owed('b')).toEqual([])
    for (const site of ['a', 'b', 'c', 'b'] as const) await claim(site)
    await claim('a', client(2))
    const { epoch } = (await claim('b', client(2)))!
    box.directory.b.forget(client(2), epoch)
    await expect.poll(() => find('b', client(2)), PATIENT).toBe('')
    expect(new Map(await owed('b'))).toEqual(
      new Map([
        [C, ['c', 'a']],
        [client(2), ['a']],
      ]),
    )
    expect(await owed('a')).toEqual([])
    expect(await owed('c')).toEqual([])
    box.directory.b.settled(client(2), 'a')
    box.directory.b.settled(C, 'c')
    await expect.poll(() => owed('b'), PATIENT).toEqual([[C, ['a']]])
    await claim('c')
    expect(await owed('b')).toEqual([])
    expect(await owed('c')).toEqual([[C, ['b', 'a']]])
  })

  test('a will is taken once, by one of those who ask', async () => {
    const { epoch } = (await claim('a'))!
    const asked = await Promise.all([takeWill('b', epoch), takeWill('c', epoch), takeWill('a', epoch)])
    expect(asked.filter(mine => mine === true).length).toBe(1)
    expect(asked.filter(mine => mine === false).length).toBe(2)
    expect(await takeWill('a', epoch)).toBe(false)
    const c = client('both')
    const other = (await claim('a', c))!.epoch
    expect(await Promise.all([takeWill('b', other, c), takeWill('b', other, c)])).toEqual([true, false])
    box.directory.a.forget(C, epoch)
    expect(await takeWill('b', epoch)).toBe(false)
    const next = (await claim('b'))!.epoch
    expect(await takeWill('a', epoch)).toBe(false)
    expect(await takeWill('b', next)).toBe(true)
  })

  test('a will of a session that was claimed again is nobody’s; one of whom nothing is known is of who asks first', async () => {
    const { epoch } = (await claim('a'))!
    await claim('c')
    expect(await takeWill('b', epoch)).toBe(false)
    expect(await takeWill('b', 5, client('unknown'))).toBe(true)
    expect(await takeWill('c', 5, client('unknown'))).toBe(false)
    expect(await find('a', client('unknown'))).toBe('')
    expect(await box.directory.a.elsewhere([{ client: client('unknown'), epoch: 5 }])).toEqual(new Map())
    expect(await claim('a', client('unknown'))).toMatchObject({ epoch: 6, from: [] })
  })

  test('a will that a site had taken is taken once more by one of those who find it in the record of that site', async () => {
    const { epoch } = (await claim('a'))!
    expect(await takeWill('a', epoch)).toBe(true)
    expect(await takeWill('b', epoch)).toBe(false)
    const of = (at: Site, site: Site) =>
      new Promise<boolean | undefined>(done => box.directory[at].takeWill(C, epoch, done, site))
    expect(await of('b', 'c')).toBe(false)
    const asked = await Promise.all([of('b', 'a'), of('c', 'a')])
    expect(asked.toSorted()).toEqual([false, true])
    expect([await of('b', 'a'), await of('c', 'a'), await takeWill('a', epoch)]).toEqual([false, false, false])
    await claim('b')
    expect(await of('c', 'b')).toBe(false)
  })

  test('a session is read as its site has committed it', async () => {
    expect(await read('b', 'a')).toBe('none')
    const written = { ...record('ü:1', { epoch: 3, will: will(5) }), client: C }
    box.state.a.putSession(written)
    box.state.a.putSubscription(C, subscription('x/#'))
    box.state.a.putSubscription(C, subscription('y'))
    await commit('a')
    const found = (await read('b', 'a')) as Foreign
    expect(found.record).toEqual(written)
    expect(found.subscriptions.map(s => s.filter).sort()).toEqual(['x/#', 'y'])
    expect(await read('a', 'b')).toBe('none')
  })

  test('who lives elsewhere, and who is owed something, of thousands', async () => {
    const all = Array.from({ length: 2_500 }, (_, i) => client(i))
    await Promise.all(all.map(c => claim('a', c)))
    await Promise.all(all.filter((_, i) => i % 2 === 0).map(c => claim('b', c)))
    const elsewhere = await box.directory.a.elsewhere([...all, C].map(one => ({ client: one, epoch: 1 })))
    expect(elsewhere.size).toBe(1_250)
    expect(elsewhere.has(all[0]!)).toBe(true)
    expect(elsewhere.has(all[1]!)).toBe(false)
    const b = await box.directory.b.owed()
    expect(b.size).toBe(1_250)
    expect(b.get(all[2]!)).toEqual(['a'])
  })

  test('whom other sites have claimed is named once', async () => {
    const taken = async (at: Site) => (await box.directory[at].taken())!.toSorted()
    expect(await taken('a')).toEqual([])
    const all = Array.from({ length: 1_200 }, (_, i) => client(i))
    await Promise.all(all.map(c => claim('a', c)))
    await Promise.all(all.map(c => claim('a', c)))
    expect(await taken('a')).toEqual([])
    await Promise.all(all.map(c => claim('b', c)))
    expect(await taken('a')).toEqual(all.toSorted())
    expect([await taken('a'), await taken('b'), await taken('c')]).toEqual([[], [], []])
    await claim('b', all[0])
    const { epoch } = (await claim('c', all[0]))!
    await claim('a', all[1])
    expect([await taken('a'), await taken('b')]).toEqual([[], [all[0], all[1]].toSorted()])
    // It has ended: nobody is connected.
    box.directory.c.forget(all[0]!, epoch)
    await expect.poll(() => find('a', all[0]), PATIENT).toBe('')
    await claim('a', all[0])
    expect(await taken('c')).toEqual([])
    box.cut('a', true)
    await expect(box.directory.a.taken()).rejects.toThrow()
  })

  test('out of reach: claims and questions are answered so; what was told is told later, in one piece', async () => {
    const { epoch } = (await claim('a', client(2)))!
    await claim('a')
    const moved = (await claim('b'))!.epoch
    await claim('a', client(3))
    await claim('b', client(3))
    box.cut('a', true)
    box.cut('b', true)
    expect(await claim('b')).toBeUndefined()
    expect(await find('b')).toBeUndefined()
    expect(await read('b', 'a')).toBeUndefined()
    await expect(box.directory.b.elsewhere([{ client: C, epoch: 1 }])).rejects.toThrow()
    await expect(box.directory.b.owed()).rejects.toThrow()
    await expect(box.directory.b.restore([{ client: C, epoch: 1 }])).rejects.toThrow()
    box.directory.b.settled(C, 'a')
    box.directory.b.settled(client(3), 'a')
    box.directory.a.forget(client(2), epoch)
    const mine = takeWill('b', moved)
    expect((await claim('c'))!.from).toEqual(['b', 'a'])
    box.cut('a', false)
    box.cut('b', false)
    expect(await mine).toBe(false)
    await expect.poll(() => find('c', client(2)), PATIENT).toBe('')
    await expect.poll(async () => (await claim('c', client(3)))!.from, PATIENT).toEqual(['b'])
    // There may be more at `a` by now than `b` has seen.
    expect((await claim('c'))!.from).toEqual(['b', 'a'])
  })

  test('what Redis has lost of claims is restored; whom another site has claimed since is told', async () => {
    const [gone, back, taken, ended, here] = [1, 2, 3, 4, 5].map(client) as [ClientKey, ...ClientKey[]] as ClientKey[]
    const claims = [
      [back, 'b'],
      [taken, 'b'],
      [ended, 'b'],
      [here, 'a'],
    ] as const
    for (const [c, site] of claims) await claim(site, c!, 10)
    box.directory.b.forget(ended!, 11)
    await expect.poll(() => find('b', ended), PATIENT).toBe('')
    const theirs = await box.directory.a.restore(
      [
        [gone, 50],
        [back, 12],
        [taken, 11],
        [ended, 20],
        [here, 11],
      ].map(([c, epoch]) => ({ client: c as ClientKey, epoch: epoch as number })),
    )
    expect(theirs).toEqual(new Set([taken]))
    for (const c of [gone, back, ended, here]) expect(await find('c', c)).toBe('a')
    expect(await find('c', taken)).toBe('b')
    expect(new Map(await owed('b'))).toEqual(new Map([[taken, ['a']]]))
    expect(new Map(await owed('a'))).toEqual(new Map([[back, ['b']]]))
    expect(await claim('c', gone)).toMatchObject({ epoch: 51, from: ['a'] })
    expect(await claim('c', taken)).toMatchObject({ epoch: 12, from: ['b', 'a'] })
  })
})

test.each([1, 2, 5])(
  'random calls: Redis answers as memory does, seed %i',
  async seed => {
    const [memory, redis] = [memoryBox(), await redisBox(servers, 'tcp')]
    const boxes = [memory, redis]
    const names = ['a', 'b', 'c'] as const
    const clients = [1, 2, 3].map(client)
    const site = fc.constantFrom(...names)
    const who = fc.constantFrom(...clients)
    /** Below or above the last epoch of the client. */
    const near = fc.constantFrom(-3, -1, 0, 0, 0, 2)
    const call = fc.oneof(
      fc.record({ is: fc.constant('claim'), site, who, near }),
      fc.record({ is: fc.constant('settled'), site, who, near, from: site }),
      fc.record({ is: fc.constant('forget'), site, who, near }),
      fc.record({ is: fc.constant('takeWill'), site, who, near }),
      fc.record({ is: fc.constant('restore'), site, who, near }),
    )
    const calls = fc.sample(call, { numRuns: 400, seed })
    const last = new Map<ClientKey, number>()
    let n = 0
    for (const one of calls) {
      const epoch = Math.max(1, (last.get(one.who) ?? 1) + one.near)
      const barrier = client(`barrier-${++n}`)
      const answers = await Promise.all(
        boxes.map(async ({ directory }) => {
          const at = directory[one.site]
          let answer: unknown
          if (one.is === 'claim') answer = await new Promise(done => at.claim(one.who, epoch, done))
          else if (one.is === 'takeWill') answer = await new Promise(done => at.takeWill(one.who, epoch, done))
          else if (one.is === 'restore') answer = await at.restore([{ client: one.who, epoch }])
          else if (one.is === 'forget') at.forget(one.who, epoch)
          else at.settled(one.who, 'from' in one ? one.from : 'a')
          await new Promise(done => at.takeWill(barrier, 1, done))
          const found = await Promise.all(clients.map(c => new Promise(done => at.find(c, done))))
          const elsewhere = [...(await at.elsewhere(clients.map(c => ({ client: c, epoch }))))].sort()
          const owed = await Promise.all(names.map(async name => [...(await directory[name].owed())].sort()))
          const taken = (await at.taken())?.toSorted()
          return { one, epoch, answer, found, elsewhere, owed, taken }
        }),
      )
      expect(answers[1]).toEqual(answers[0])
      const claimed = answers[0]!.answer as Claimed | undefined
      if (one.is === 'claim') last.set(one.who, claimed!.epoch)
    }
    for (const box of boxes) box.dispose()
  },
  60_000,
)
