/** Inboxes on a RocketMQ of their own: many at once, restarts of proxy and broker under way, a store that dies while it reads. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../../core/contract/ids.ts'
import { Message } from '../../../core/contract/message.ts'
import type { InboxEntry } from '../../../core/inbox/port.ts'
import { type OpenInboxes, openInboxes } from '../../../core/log/rocketmq/inbox.node.ts'
import type { RocketmqInboxes } from '../../../core/log/rocketmq/inbox.ts'
import type { InboxLimits } from '../../../core/log/rocketmq/inbox-stats.ts'
import type { Rocketmq } from '../../../infra/local/rocketmq/start.ts'
import { nextLife } from '../../contract/rocketmq-inboxes.ts'
import { ownRocketmq, ROCKETMQ_START_MS } from '../../harness/rocketmq.ts'

const GAP = 65_536
const START = Number.MIN_SAFE_INTEGER
/** Everything is read back. */
const NO_CACHE: Partial<InboxLimits> = { cacheBytesPerInbox: 0 }

let rocketmq: Rocketmq
let dispose: () => Promise<void>
beforeAll(async () => {
  ;({ rocketmq, dispose } = await ownRocketmq())
}, ROCKETMQ_START_MS)
afterAll(() => dispose(), 30_000)

let opened: OpenInboxes[] = []
afterEach(async () => {
  for (const one of opened) await one.close()
  opened = []
})

async function open(limits = NO_CACHE): Promise<RocketmqInboxes> {
  const one = await openInboxes({ endpoint: rocketmq.endpoint, log: { warn() {} } }, { life: nextLife(), limits })
  opened.push(one)
  return one.store
}

/** For some seconds after a broker was away, a proxy says that groups are not there. */
async function openSoon(): Promise<RocketmqInboxes> {
  for (const end = Date.now() + 60_000; ; await sleep(500))
    try {
      return await open()
    } catch (error) {
      if (Date.now() > end) throw error
    }
}

const message = (seq: number): Message =>
  new Message('e1' as Incarnation, seq, {
    tenant: DEFAULT_TENANT,
    topic: 't/x' as TopicName,
    qos: 1,
    payload: new Uint8Array(100).fill(seq),
  })

const clients = (name: string, count: number) => Array.from({ length: count }, (_, i) => `:${name}${i}` as ClientKey)
const put = (store: RocketmqInboxes, client: ClientKey, position: number, seq: number) =>
  new Promise<void>(resolve => store.put(client, { position, at: Date.now(), message: message(seq) }, 164, resolve))
const read = (store: RocketmqInboxes, client: ClientKey, after = START, limit = 256) =>
  new Promise<readonly InboxEntry[]>(resolve => store.read(client, after, limit, resolve))
const seqs = (entries: readonly InboxEntry[]) => entries.map(e => e.message.seq)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

function restart(from: RocketmqInboxes, to: RocketmqInboxes, all: readonly ClientKey[]): void {
  for (const client of all) to.restore(client, from.mark(client)!)
}

test('500 sessions come back at once, after a restart', { timeout: 120_000 }, async () => {
  const all = clients('many', 500)
  const first = await open()
  const writing = upTo(10).map(async n => {
    // One message after the other, as it is published.
    await sleep(n * 20)
    await Promise.all(all.map(client => put(first, client, n * GAP, n)))
  })
  await Promise.all(writing)
  expect(first.stats.nowAppends).toBe(0)
  const second = await open()
  restart(first, second, all)
  const began = Date.now()
  const found = await Promise.all(all.map(client => read(second, client)))
  for (const entries of found) expect(seqs(entries)).toEqual(upTo(10))
  expect(Date.now() - began).toBeLessThan(30_000)
  expect(second.stats).toMatchObject({ nowDrains: 0, nowCachedBytes: 0, entriesLost: 0, chunksUnreadable: 0 })
})

test('a restart in the middle: what was removed stays away, what is put in front comes first', async () => {
  const [client] = clients('middle', 1) as [ClientKey]
  const first = await open()
  for (const n of upTo(20)) await put(first, client, n * GAP, n)
  expect(seqs(await read(first, client, START, 5))).toEqual(upTo(5))
  for (const n of [1, 2, 4]) first.remove(client, n * GAP)
  await put(first, client, 3 * GAP - 1, 33)
  await put(first, client, 21 * GAP, 21)
  const second = await open()
  restart(first, second, [client])
  const rest = [33, 3, 5, ...upTo(21).slice(5)]
  expect(seqs(await read(second, client))).toEqual(rest)
  for (let i = 0, after = START; i < rest.length; i += 4) {
    const page = await read(second, client, after, 4)
    expect(seqs(page)).toEqual(rest.slice(i, i + 4))
    after = page.at(-1)!.position
  }
})

test.each(['proxy', 'broker'] as const)(
  'the %s is killed and comes back while inboxes are written',
  {
    timeout: 180_000,
  },
  async name => {
    const all = clients(name, 20)
    const store = await open()
    const done: Promise<void>[] = []
    let isBack = false
    const killing = (async () => {
      await sleep(200)
      await rocketmq[name].kill9()
      await sleep(500)
      await rocketmq[name].start()
      isBack = true
    })()
    let n = 0
    while (!isBack || n < 50) {
      n++
      for (const client of all) done.push(put(store, client, n * GAP, n))
      await sleep(20)
    }
    await killing
    await Promise.all(done)
    expect(store.stats.appendFailures).toBeGreaterThan(0)
    const next = await openSoon()
    restart(store, next, all)
    for (const client of all) expect(seqs(await read(next, client, START, 100_000))).toEqual(upTo(n))
  },
)

test('a store that reads on though its time is over does not keep the next one from reading', {
  timeout: 120_000,
}, async () => {
  const all = clients('zombie', 30)
  const first = await openSoon()
  for (const n of upTo(3)) await Promise.all(all.map(client => put(first, client, n * GAP, n)))
  const marks = all.map(client => first.mark(client)!)
  // It reads on and on, until it finds that its lease is over.
  let isOver = false
  const reading = all.map(async client => {
    while (!isOver) await Promise.race([read(first, client), sleep(100)])
  })
  const second = await open()
  const losing = sleep(2_000).then(() => {
    isOver = true
  })
  for (const [i, client] of all.entries()) second.restore(client, marks[i]!)
  const found = await Promise.all(all.map(client => read(second, client)))
  for (const entries of found) expect(seqs(entries)).toEqual(upTo(3))
  await Promise.all([losing, ...reading])
})
