/** What the core does while commits fail: nothing is answered, nothing is lost, and it goes on by itself. */
import { expect, test } from 'vitest'
import type { TopicFilter } from '../../../../core/contract/ids.ts'
import type { Limits } from '../../../../core/contract/limits.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import type { Commits } from '../../../../core/log/port.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { key, NOTHING, Rig, sub } from '../rig.ts'

class Failing implements Commits {
  readonly dirty = true
  readonly full = false
  fails = false
  attempts = 0

  commit(done: (error: Error | undefined) => void): void {
    this.attempts++
    done(this.fails ? new Error('Disk is full') : undefined)
  }

  close(): void {}
}

function rigOf(commits: Commits, limits: Partial<Limits> = {}): Rig {
  const log = new (class extends MemoryLog {
    override readonly commits = commits
  })({ keep: true })
  const state = new (class extends MemoryState {
    override readonly commits = commits
  })()
  return new Rig({ log, state, limits })
}

test('a failed commit answers nothing, pauses reading when too much waits, is retried with growing pauses, and then everything goes on in order', () => {
  const commits = new Failing()
  const rig = rigOf(commits, { logPendingBytes: 400 })
  const edge = rig.edge()
  edge.subscribe('s', edge.connect('s', { expirySec: 0 }).epoch, sub('t'))
  commits.fails = true
  edge.publish('t', '1')
  rig.settle()
  edge.publish('t', '2')
  rig.settle()
  expect([edge.texts, edge.receipts, edge.congestion]).toEqual([[], [], []])
  edge.publish('t', 'at once', { qos: 0 })
  for (const more of ['3', '4']) edge.publish('t', more)
  rig.settle()
  expect([edge.texts, edge.receipts, edge.congestion]).toEqual([['at once'], [], [true]])
  expect(edge.claim('other')).toMatchObject({ ok: false, why: 'unavailable' })
  const before = commits.attempts
  for (let i = 0; i < 7; i++) rig.pass(1000)
  // After 1, 2 and 4 seconds.
  expect(commits.attempts - before).toBe(3)
  commits.fails = false
  for (let i = 0; i < 8; i++) rig.pass(1000)
  expect(edge.texts).toEqual(['at once', '1', '2', '3', '4'])
  expect(edge.receipts.map(r => r[0])).toEqual(['1', '2', '3', '4'])
  expect(edge.congestion).toEqual([true, false])
  expect(rig.events.filter(e => e.is.startsWith('commit-')).map(e => e.is)).toEqual([
    'commit-failed',
    'commit-failed',
    'commit-failed',
    'commit-failed',
    'commit-recovered',
  ])
  expect(edge.claim('other')?.ok).toBe(true)
})

test('a commit that answers later holds back what it must, and one turn follows the other', () => {
  const waiting: ((error: Error | undefined) => void)[] = []
  const commits: Commits = {
    dirty: false,
    full: false,
    commit: done => (opened ? waiting.push(done) : done(undefined)),
    close: () => {},
  }
  let opened = false
  const rig = rigOf(commits)
  opened = true
  const edge = rig.edge()
  edge.publish('t', '1')
  rig.settle()
  edge.publish('t', '2')
  rig.settle()
  expect([edge.receipts.length, waiting.length]).toEqual([0, 1])
  waiting.shift()!(undefined)
  expect([edge.receipts.map(r => r[0]), waiting.length]).toEqual([['1'], 1])
  waiting.shift()!(undefined)
  expect(edge.receipts.map(r => r[0])).toEqual(['1', '2'])
})

/** Commits that the test lets through. */
class Gate implements Commits {
  dirty = false
  readonly full = false
  readonly waiting: ((error: Error | undefined) => void)[] = []
  shut = false

  commit(done: (error: Error | undefined) => void): void {
    if (this.shut) this.waiting.push(done)
    else done(undefined)
  }

  open(): void {
    this.shut = false
    for (const done of this.waiting.splice(0)) done(undefined)
  }

  close(): void {}
}

function gated(): { rig: Rig; log: Gate; state: Gate } {
  const [log, state] = [new Gate(), new Gate()]
  const rig = new Rig({
    log: new (class extends MemoryLog {
      override readonly commits = log
    })({ keep: true }),
    state: new (class extends MemoryState {
      override readonly commits = state
    })(),
  })
  return { rig, log, state }
}

test('a state of its own that does not answer holds back claims and SUBACKs, not messages', () => {
  const { rig, state } = gated()
  const edge = rig.edge()
  const { epoch } = edge.connect('s')
  edge.subscribe('s', epoch, sub('t'))
  state.shut = true
  let subscribed = false
  edge.link.subscribe(key('s'), epoch, [sub('u')], () => {
    subscribed = true
  })
  const other = edge.claim('other')
  edge.publish('t', '1')
  rig.settle()
  expect([edge.texts, edge.receipts.length, subscribed, other]).toEqual([['1'], 1, false, undefined])
  state.open()
  expect(subscribed).toBe(true)
})

test('what the log does not hold yet is in no record', () => {
  const { rig, log, state } = gated()
  const edge = rig.edge()
  const { epoch } = edge.connect('s')
  log.shut = true
  edge.publish('t', 'x', { qos: 2, sender: key('s'), packetId: 7 })
  rig.settle()
  state.shut = true
  edge.link.save(key('s'), epoch, NOTHING)
  rig.settle()
  expect([log.waiting.length, state.waiting.length]).toEqual([1, 0])
  log.open()
  expect(state.waiting.length).toBe(1)
})

test('a core that closes waits for its stores, unless they fail', () => {
  const { rig, log } = gated()
  const edge = rig.edge()
  log.shut = true
  edge.publish('t', 'x')
  let closed = false
  rig.core.close(() => {
    closed = true
  })
  expect(closed).toBe(false)
  log.open()
  expect(closed).toBe(true)
})

test('what was said after a message is carried out after it, also when the state answers at once', () => {
  const { rig, log } = gated()
  const edge = rig.edge()
  const { epoch } = edge.connect('s')
  edge.subscribe('s', epoch, sub('t'))
  log.shut = true
  edge.publish('t', '1')
  edge.link.save(key('s'), epoch, NOTHING)
  rig.settle()
  edge.link.unsubscribe(key('s'), epoch, ['t' as TopicFilter], () => {})
  log.open()
  rig.settle()
  expect(edge.texts).toEqual(['1'])
})
