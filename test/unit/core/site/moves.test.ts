/** Who is asked of the directory when sites were apart, how many at once and how fast. */
import { expect, test } from 'vitest'
import type { ClientKey } from '../../../../core/contract/ids.ts'
import { Session } from '../../../../core/session/session.ts'
import { Moves, type MovesOptions } from '../../../../core/site/moves.ts'
import type { SessionEpoch } from '../../../../core/site/port.ts'
import { CoreStats } from '../../../../core/stats.ts'
import { client } from '../../../integration/redis/records.ts'

class World {
  now = 1_700_000_000_000
  linked = true
  reachable = true
  taken: readonly ClientKey[] | undefined = []
  /** How many sessions each question named. */
  readonly asked: number[] = []
  readonly left: ClientKey[] = []
  readonly sessions = new Map<ClientKey, Session>()
  readonly moves: Moves

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.sessions.set(client(i), new Session(client(i), 0))
    const directory = {
      elsewhere: async (some: readonly SessionEpoch[]) => {
        this.#check()
        if (some.length > 0) this.asked.push(some.length)
        return new Map(some.map(one => [one.client, true]))
      },
      taken: async () => {
        this.#check()
        const { taken } = this
        this.taken = []
        return taken
      },
      owed: async () => new Map(),
    }
    const options = {
      directory,
      sessions: this.sessions,
      peers: { all: () => [{ linked: this.linked }] },
      residence: {
        tick() {},
        leave: (s: Session) => {
          s.moved = true
          this.left.push(s.client)
        },
      },
      fetch: { tick() {} },
      left: { tick() {} },
      stats: new CoreStats(),
      now: () => this.now,
    }
    this.moves = new Moves(options as unknown as MovesOptions)
  }

  async tick(ms = 250): Promise<void> {
    this.now += ms
    this.moves.tick()
    await new Promise(done => setImmediate(done))
  }

  #check(): void {
    if (!this.reachable) throw new Error('Out of reach')
  }
}

test('at start all are asked for, in pages; when a link breaks and comes again, those who were claimed elsewhere', async () => {
  const world = new World(50_000)
  await world.moves.check()
  expect(world.asked).toEqual([20_000, 20_000, 10_000])
  expect(world.left.length).toBe(50_000)
  for (const s of world.sessions.values()) s.moved = false
  await world.tick()
  world.linked = false
  world.taken = [client(1), client(70_000)]
  for (let i = 0; i < 4; i++) await world.tick()
  expect(world.asked.slice(3)).toEqual([1])
  world.taken = [client(2)]
  for (let i = 0; i < 4; i++) await world.tick()
  expect(world.asked.slice(4)).toEqual([1])
  await world.moves.check()
  // Whether anything is wanted where they went.
  expect(world.asked.slice(5)).toEqual([2])
  expect(world.left.slice(50_000)).toEqual([client(1), client(2)])
})

test.each([
  ['the directory was out of reach for long', false],
  ['more were claimed elsewhere than are kept', true],
])('all are asked for, a page per tick, if %s', async (_, isReachable) => {
  const world = new World(50_000)
  await world.moves.check()
  await world.tick()
  world.linked = false
  if (isReachable) world.taken = undefined
  else {
    world.reachable = false
    for (let i = 0; i < 40; i++) await world.tick(1_000)
    world.reachable = true
  }
  world.asked.splice(0)
  const checked = world.moves.check()
  await new Promise(done => setImmediate(done))
  expect(world.asked).toEqual([20_000])
  await world.tick()
  expect(world.asked).toEqual([20_000, 20_000])
  await world.tick()
  await checked
  expect(world.asked).toEqual([20_000, 20_000, 10_000])
})
