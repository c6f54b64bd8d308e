/** An inbox store that is durable in its own time, and that knows at the next start only what session records tell it. */
import { expect, test } from 'vitest'
import type { ClientKey } from '../../../../core/contract/ids.ts'
import { MemoryInboxes } from '../../../../core/inbox/memory.ts'
import type { InboxStore, InboxSummary } from '../../../../core/inbox/port.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import type { Commits } from '../../../../core/log/port.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import type { SessionRecord } from '../../../../core/state/port.ts'
import { key, Rig, sub, text } from '../rig.ts'

class Slow extends MemoryInboxes implements InboxStore {
  override readonly marks = true
  readonly waiting: (() => void)[] = []
  readonly sums = new Map<ClientKey, InboxSummary>()

  override put(...[client, entry, bytes, durable]: Parameters<MemoryInboxes['put']>): void {
    super.put(client, entry, bytes, undefined)
    if (durable !== undefined) this.waiting.push(durable)
  }

  override load(): void {}

  override mark(client: ClientKey): Uint8Array | undefined {
    let found: InboxSummary | undefined
    super.load((c, sum) => {
      if (c === client) found = sum
    })
    return found === undefined ? undefined : new TextEncoder().encode(JSON.stringify(found))
  }

  override restore(_: ClientKey, mark: Uint8Array): InboxSummary {
    return JSON.parse(new TextDecoder().decode(mark))
  }

  durable(): void {
    for (const fn of this.waiting.splice(0)) fn()
  }
}

const COMMITS: Commits = { dirty: false, full: false, commit: done => done(undefined), close: () => {} }

class Records extends MemoryState {
  override readonly commits = COMMITS
  readonly records = new Map<ClientKey, SessionRecord>()

  override putSession(record: SessionRecord): void {
    this.records.set(record.client, record)
    super.putSession(record)
  }
}

const start = (
  inboxes = new Slow(),
  state = new Records(),
  log = new MemoryLog({ keep: true }),
  now = 1_700_000_000_000,
) => {
  const rig = new Rig({ inboxes, state, log, now })
  return { inboxes, state, log, rig, edge: rig.edge() }
}

test('the log keeps a message until its copies in inboxes are durable, and records tell that there is an inbox', () => {
  const { inboxes, state, rig, edge } = start()
  const { epoch } = edge.connect('s')
  edge.subscribe('s', epoch, sub('t'))
  edge.release('s', epoch)
  edge.publish('t', 'x')
  rig.settle()
  expect(edge.receipts).toEqual([['x', true]])
  for (let i = 0; i < 3; i++) rig.pass(1000)
  expect(rig.stats.nowLogEnvelopes).toBe(1)
  inboxes.durable()
  for (let i = 0; i < 3; i++) rig.pass(1000)
  expect(rig.stats.nowLogEnvelopes).toBe(0)
  expect(state.records.get(key('s'))?.inbox).toBeDefined()
})

test('a start restores inboxes from records', () => {
  const first = start()
  const { epoch } = first.edge.connect('s')
  first.edge.subscribe('s', epoch, sub('t'))
  first.edge.release('s', epoch)
  for (const t of ['1', '2']) first.edge.publish('t', t)
  first.rig.settle()
  first.inboxes.durable()
  for (let i = 0; i < 3; i++) first.rig.pass(1000)
  const { rig, edge } = start(first.inboxes, first.state, first.log, first.rig.now)
  expect(rig.stats.nowInboxMessages).toBe(2)
  const again = edge.connect('s')
  expect(again.state.queued).toBe(true)
  expect(edge.drain('s', again.epoch)?.messages.map(text)).toEqual(['1', '2'])
})

test('an inbox that holds more than its record tells is read to its end, and counted then', () => {
  const first = start()
  const { epoch } = first.edge.connect('s')
  first.edge.subscribe('s', epoch, sub('t'))
  first.edge.release('s', epoch)
  const old = ['1', '2']
  for (const t of old) first.edge.publish('t', t)
  first.rig.settle()
  const record = first.state.records.get(key('s'))!
  const more = Array.from({ length: 20 }, (_, i) => `${i + 3}`)
  for (const t of more) first.edge.publish('t', t)
  first.rig.settle()
  first.inboxes.durable()
  for (let i = 0; i < 3; i++) first.rig.pass(1000)
  first.state.putSession(record)
  const { rig, edge } = start(first.inboxes, first.state, new MemoryLog({ keep: true }), first.rig.now)
  const again = edge.connect('s')
  const found: string[] = []
  for (let end = false; !end; ) {
    const page = edge.drain('s', again.epoch, 2)!
    found.push(...page.messages.map(text))
    end = page.end
  }
  expect(found).toEqual([...old, ...more])
  expect(rig.stats.nowInboxMessages).toBe(22)
})

test('a message of QoS 2 from the inbox is not forgotten as done before the record knows', () => {
  const { inboxes, state, log, rig, edge } = start()
  const first = edge.connect('s')
  edge.subscribe('s', first.epoch, sub('t', { qos: 2 }))
  edge.release('s', first.epoch)
  edge.publish('t', 'x', { qos: 2 })
  rig.settle()
  inboxes.durable()
  for (let i = 0; i < 3; i++) rig.pass(1000)
  const { epoch } = edge.connect('s')
  const message = edge.drain('s', epoch)!.messages[0]!
  edge.link.journal(key('s'), epoch, { step: 'out', packetId: 1, message })
  edge.link.journal(key('s'), epoch, { step: 'rec', packetId: 1 })
  edge.link.journal(key('s'), epoch, { step: 'done', packetId: 1, message: undefined })
  rig.settle()
  // The process dies here: the next one has the record or the steps.
  const next = start(inboxes, state, log, rig.now)
  const after = next.edge.connect('s')
  expect([after.state.inflight, next.edge.drain('s', after.epoch)?.messages]).toEqual([[], []])
})

test('an entry that is back after a start, because no record told that it was done, is not delivered again', () => {
  const { inboxes, state, log, rig, edge } = start()
  const first = edge.connect('s')
  edge.subscribe('s', first.epoch, sub('t', { qos: 2 }))
  edge.release('s', first.epoch)
  edge.publish('t', 'x', { qos: 2 })
  rig.settle()
  inboxes.durable()
  for (let i = 0; i < 3; i++) rig.pass(1000)
  const { epoch } = edge.connect('s')
  rig.settle()
  const before = new Slow()
  inboxes.read(key('s'), Number.MIN_SAFE_INTEGER, 10, entries => {
    for (const entry of entries) before.put(key('s'), entry, 1, undefined)
  })
  const record = state.records.get(key('s'))!
  const message = edge.drain('s', epoch)!.messages[0]!
  edge.link.journal(key('s'), epoch, { step: 'out', packetId: 1, message })
  edge.link.journal(key('s'), epoch, { step: 'rec', packetId: 1 })
  edge.link.journal(key('s'), epoch, { step: 'done', packetId: 1, message: undefined })
  rig.settle()
  state.putSession(record)
  const next = start(before, state, log, rig.now)
  const after = next.edge.connect('s')
  expect([after.state.inflight, next.edge.drain('s', after.epoch)?.messages ?? []]).toEqual([[], []])
})

test('what is read for a connection that is gone by then is read again for the next one, from the start', () => {
  class Late extends Slow {
    readonly reads: (() => void)[] = []
    override read(...words: Parameters<MemoryInboxes['read']>): void {
      this.reads.push(() => super.read(...words))
    }
  }
  const { inboxes, rig, edge } = start(new Late())
  const first = edge.connect('s')
  edge.subscribe('s', first.epoch, sub('t'))
  edge.release('s', first.epoch)
  for (const t of ['1', '2']) edge.publish('t', t)
  rig.settle()
  inboxes.durable()
  const second = edge.connect('s')
  edge.drain('s', second.epoch)
  edge.release('s', second.epoch)
  rig.settle()
  const answer = () => {
    for (const read of (inboxes as Late).reads.splice(0)) read()
  }
  answer()
  const third = edge.connect('s')
  let got: string[] = []
  edge.link.drain(key('s'), third.epoch, 10, page => {
    got = page.messages.map(text)
  })
  rig.settle()
  answer()
  expect(got).toEqual(['1', '2'])
})

test('retained messages that the log has and the state has not are there after a start; the last one counts', () => {
  const first = start()
  first.edge.publish('a', 'old', { retain: true, qos: 1 })
  first.edge.publish('a', 'new', { retain: true, qos: 1 })
  first.edge.publish('b', 'gone', { retain: true, qos: 1 })
  first.edge.publish('b', '', { retain: true, qos: 1 })
  first.rig.settle()
  // The process dies before the state is written.
  const { edge, state } = start(new Slow(), new Records(), first.log, first.rig.now)
  expect(edge.retained('#').messages.map(m => [m.topic, text(m)])).toEqual([['a', 'new']])
  const stored: string[] = []
  state.load({ session: () => {}, subscription: () => {}, retained: m => stored.push(text(m)) })
  expect(stored).toEqual(['new'])
})

test('a retained message of QoS 0 that came after those of the log stays', () => {
  const first = start()
  first.edge.publish('a', 'logged', { retain: true, qos: 1 })
  first.edge.publish('a', 'later', { retain: true, qos: 0 })
  first.rig.settle()
  const { edge } = start(first.inboxes, first.state, first.log, first.rig.now)
  expect(edge.retained('a').messages.map(text)).toEqual(['later'])
})

test('positions do not begin anew while an entry of the inbox is on its way out', () => {
  const { inboxes, rig, edge } = start()
  const first = edge.connect('s')
  edge.subscribe('s', first.epoch, sub('t'))
  edge.release('s', first.epoch)
  for (const t of ['1', '2']) edge.publish('t', t)
  rig.settle()
  inboxes.durable()
  const second = edge.connect('s')
  const [one, two] = edge.drain('s', second.epoch)!.messages
  // Something live comes before what was read: that moves.
  const live = edge.publish('t', 'live')
  edge.release('s', second.epoch, { outbound: { inflight: [], queue: [live, one!, two!] } })
  const third = edge.connect('s')
  for (const message of edge.drain('s', third.epoch)!.messages)
    edge.link.journal(key('s'), third.epoch, { step: 'done', packetId: 0, message })
  edge.release('s', third.epoch)
  edge.publish('t', 'next')
  rig.settle()
  // What moved is durable only now; its old places are given up.
  inboxes.durable()
  const fourth = edge.connect('s')
  expect(edge.drain('s', fourth.epoch)?.messages.map(text)).toEqual(['next'])
})
