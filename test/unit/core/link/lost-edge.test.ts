/** Edges that die, or do not answer in time, and edges that end a session while messages for it are on their way: nothing is lost, nothing of QoS 2 comes twice. */
import { describe, expect, test } from 'vitest'
import type { TopicFilter } from '../../../../core/contract/ids.ts'
import type { Handed } from '../../../../core/contract/link.ts'
import type { Message } from '../../../../core/contract/message.ts'
import { MemoryLog } from '../../../../core/log/memory.ts'
import { FakeEdge, key, NOTHING, Rig, type RigOptions, sub, text, will } from '../rig.ts'

/** An edge elsewhere: it holds what it is handed until it answers. */
class Remote extends FakeEdge {
  readonly handed: Handed[] = []
  count = 0

  override deliver(message: Message, groups: readonly TopicFilter[] | undefined, only: boolean): boolean {
    super.deliver(message, groups, only)
    if (message.qos > 0) this.handed.push({ n: ++this.count, message, groups, only })
    return message.qos > 0
  }

  unanswered(): Iterable<Handed> {
    return this.handed
  }

  answer(message: Message): void {
    this.handed.splice(
      this.handed.findIndex(h => h.message === message),
      1,
    )
    this.link.delivered(message)
  }
}

const start = (options: RigOptions = {}) => {
  const rig = new Rig({ log: new MemoryLog({ keep: true }), ...options })
  return { rig, one: new Remote(rig), two: new Remote(rig) }
}
const inbox = (edge: FakeEdge, id: string): string[] | undefined =>
  edge.drain(id, edge.connect(id).epoch)?.messages.map(text)

describe('an edge that dies', () => {
  test('what it has not answered waits for its persistent sessions; what they have settled does not', () => {
    const { rig, one, two } = start()
    const s = one.connect('s')
    one.subscribe('s', s.epoch, sub('t', { qos: 2 }))
    const other = one.connect('other')
    one.subscribe('other', other.epoch, sub('t', { qos: 2 }))
    const [a, b, c] = ['a', 'b', 'c'].map(t => two.publish('t', t, { qos: 2 }))
    two.publish('t', 'd')
    rig.settle()
    one.link.journal(key('s'), s.epoch, { step: 'done', packetId: 0, message: a! })
    one.link.journal(key('s'), s.epoch, { step: 'out', packetId: 2, message: b! })
    one.link.spool(key('s'), s.epoch, c!)
    rig.settle()
    rig.core.detach(one)
    rig.settle()
    const { epoch, state } = two.connect('s')
    expect(state.inflight.map(f => `${f.packetId} ${f.state} ${text(f.message)}`)).toEqual(['2 sent b'])
    expect(two.drain('s', epoch)?.messages.map(text)).toEqual(['c', 'd'])
    expect(inbox(two, 'other')).toEqual(['a', 'b', 'c', 'd'])
    for (let i = 0; i < 3; i++) rig.pass(1000)
    expect(rig.stats.nowLogEnvelopes).toBe(0)
  })

  test('its sessions that end with their connection are gone, and their wills are published', () => {
    const { rig, one, two } = start()
    two.subscribe('w', two.connect('w', { expirySec: 0 }).epoch, sub('wills'))
    one.connect('s', { expirySec: 0, will: will('wills') })
    rig.core.detach(one)
    rig.settle()
    expect(two.texts).toEqual(['gone'])
    expect(rig.stats.nowSessions).toBe(1)
  })

  test("a group's copy that nobody took goes to another edge, or to an offline member; one that was taken does not", () => {
    const { rig, one, two } = start()
    one.subscribe('a', one.connect('a', { expirySec: 0 }).epoch, sub('$share/g/t'))
    const [taken, open] = ['taken', 'open'].map(t => one.publish('t', t))
    rig.settle()
    const b = two.connect('b')
    two.subscribe('b', b.epoch, sub('$share/g/t'))
    taken!.settled = new Set(['$share/g/t'])
    expect([one.handed.length, open!.settled]).toEqual([2, undefined])
    rig.core.detach(one)
    rig.settle()
    expect(two.texts).toEqual(['open'])
  })

  test('a claim that is being granted to it ends with it', () => {
    const { rig, one, two } = start()
    one.link.claim({ client: key('s'), cleanStart: false, expirySec: 60, will: undefined }, () => {})
    rig.core.detach(one)
    rig.settle()
    expect(two.connect('s').present).toBe(true)
  })
})

test('an edge that does not give a session up loses it, with what it was handed', () => {
  const { rig, one, two } = start()
  one.onKick = undefined
  one.subscribe('s', one.connect('s').epoch, sub('t'))
  two.publish('t', 'x')
  rig.settle()
  expect(two.claim('s')).toBeUndefined()
  rig.pass(2500)
  expect(inbox(two, 's')).toEqual(['x'])
})

test('what an edge had not seen when it ended a session comes after what it hands back, before what is routed later', () => {
  const { rig, one, two } = start()
  const { epoch } = one.connect('s')
  one.subscribe('s', epoch, sub('t'), sub('$share/g/u'))
  const [seen, unseen] = ['seen', 'unseen'].map(t => two.publish('t', t))
  const shared = two.publish('u', 'for the group')
  rig.settle()
  const outbound = { inflight: [], queue: [seen!] }
  one.release('s', epoch, { outbound, unseen: [unseen!, shared] })
  one.answer(seen!)
  one.answer(unseen!)
  two.publish('t', 'later')
  rig.settle()
  expect(inbox(two, 's')).toEqual(['seen', 'unseen', 'later'])
  one.link.giveBack('$share/g/u' as TopicFilter, shared)
  rig.settle()
  expect(two.texts).toEqual(['for the group'])
})

test('a release that comes twice changes nothing', () => {
  const { rig, one } = start()
  const { epoch } = one.connect('s')
  one.release('s', epoch)
  one.release('s', epoch, { will: true, expirySec: 0, outbound: NOTHING })
  expect(rig.stats.nowSessions).toBe(1)
})
