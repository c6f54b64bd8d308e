/** A core that dies between the commit of its log, which has a will, and that of its state: the next one does not publish the will again. */
import { expect, test } from 'vitest'
import { Message, NO_BYTES } from '../../../../core/contract/message.ts'
import { MemoryInboxes } from '../../../../core/inbox/memory.ts'
import { EnvelopeWriter } from '../../../../core/log/envelope.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import type { SessionRecord } from '../../../../core/state/port.ts'
import { willId, willMessage } from '../../../../core/will/will.ts'
import { key, Rig, sub, text, will } from '../rig.ts'

/** A state of its own: what is written while it is away never arrives. */
class Away extends MemoryState {
  isAway = false
  override readonly commits = {
    dirty: false,
    full: false,
    commit: (done: (error: Error | undefined) => void) => done(this.isAway ? new Error('Away') : undefined),
    close: () => {},
  }

  override putSession(record: SessionRecord): void {
    if (!this.isAway) super.putSession(record)
  }

  override deleteSession(client: SessionRecord['client']): void {
    if (!this.isAway) super.deleteSession(client)
  }
}

const stores = () => ({ log: new MemoryLog({ keep: true }), state: new Away(), inboxes: new MemoryInboxes() })

test.each([0, 60])('it is published once (session expiry %i s)', async expirySec => {
  const box = stores()
  const rig = new Rig(box)
  const edge = rig.edge()
  edge.holds = true
  const { epoch } = edge.connect('watcher')
  edge.subscribe('watcher', epoch, sub('will', { qos: 2 }))
  const mortal = edge.connect('über/1 a', { expirySec, will: will('will') })
  box.state.isAway = true
  edge.release('über/1 a', mortal.epoch, { will: true, expirySec })
  rig.settle()
  expect(edge.got.map(text)).toEqual(['gone'])
  box.state.isAway = false
  const next = new Rig(box)
  await new Promise(resolve => setImmediate(resolve))
  const there = next.edge()
  const again = there.connect('watcher')
  next.pass(1_000)
  expect(there.drain('watcher', again.epoch)?.messages.map(text)).toEqual(['gone'])
  expect([next.stats.willsPublished, next.stats.nowSessions]).toEqual([0, expirySec > 0 ? 2 : 1])
})

test('one that the core before appended behind the end of its log does not count: the record has it still', () => {
  const rig = new Rig()
  const edge = rig.edge()
  edge.subscribe('watcher', edge.connect('watcher').epoch, sub('will'))
  const { origin, seq } = willId(key('mortal'), 7)
  const stray = new EnvelopeWriter()
  stray.message(new Message(origin, seq, willMessage(key('mortal'), will('will'), rig.now)))
  stray.message(new Message(origin, seq, { ...willMessage(key('other'), will('will'), rig.now), payload: NO_BYTES }))
  const taken = stray.take()
  rig.core.adopt(1, taken.bytes.slice(0, taken.length))
  rig.settle()
  expect(edge.texts).toEqual([''])
})
