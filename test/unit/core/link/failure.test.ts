/** What the core does while commits fail: nothing is answered, nothing is lost, and it goes on by itself. */
import { expect, test } from 'vitest'
import { MemoryLog } from '../../../../core/log/memory.ts'
import type { Commits } from '../../../../core/log/port.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { Rig, sub } from '../rig.ts'

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

function rigOf(commits: Commits): Rig {
  const log = new (class extends MemoryLog {
    override readonly commits = commits
  })({ keep: true })
  const state = new (class extends MemoryState {
    override readonly commits = commits
  })()
  return new Rig({ log, state })
}

test('a failed commit answers nothing, pauses reading, is retried with growing pauses, and then everything goes on in order', () => {
  const commits = new Failing()
  const rig = rigOf(commits)
  const edge = rig.edge()
  edge.subscribe('s', edge.connect('s', { expirySec: 0 }).epoch, sub('t'))
  commits.fails = true
  edge.publish('t', '1')
  rig.settle()
  edge.publish('t', '2')
  rig.settle()
  expect([edge.texts, edge.receipts, edge.congestion]).toEqual([[], [], [true]])
  expect(edge.claim('other')).toMatchObject({ ok: false, why: 'unavailable' })
  const before = commits.attempts
  for (let i = 0; i < 7; i++) rig.pass(1000)
  // After 1, 2 and 4 seconds.
  expect(commits.attempts - before).toBe(3)
  commits.fails = false
  for (let i = 0; i < 8; i++) rig.pass(1000)
  expect(edge.texts).toEqual(['1', '2'])
  expect(edge.receipts.map(r => r[0])).toEqual(['1', '2'])
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
