/** Packet ids that the client may hold open for messages which only a site knows that does not answer: a new message is never taken for one of those. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ClaimReply } from '../../../../core/contract/link.ts'
import { LocalLink } from '../../../../core/link/local-link.ts'
import { Session } from '../../../../edge/session/session.ts'
import { World } from '../../../simulation/world.ts'
import { bareSession, Device, type Got, kept, payloads } from '../device.ts'

const IDS = 0xffff

afterEach(() => void vi.restoreAllMocks())

/** Every session that is there already comes from the record of a site that does not answer. */
function unsure(): void {
  const { claim } = LocalLink.prototype
  vi.spyOn(LocalLink.prototype, 'claim').mockImplementation(function (this: LocalLink, request, done) {
    claim.call(this, request, (reply: ClaimReply) => done(reply.ok ? { ...reply, unsure: 0 } : reply))
  })
}

/** Keeps to the standard [MQTT-4.3.3]: a PUBLISH under an id that it holds open is the old message. */
class Holder extends Device {
  readonly open = new Set<number>()
  readonly seen: string[] = []
  readonly log: Got[] = []

  work(): void {
    for (let got = this.take(); got.length > 0; got = this.take())
      for (const packet of got) {
        this.log.push(packet)
        const id = packet.messageId ?? 0
        if (packet.cmd === 'pubrel') {
          this.ack('pubcomp', id, this.open.delete(id) ? 0 : 0x92)
        } else if (packet.cmd === 'publish') {
          if (packet.qos !== 2 || !this.open.has(id)) this.seen.push(packet.payload ?? '')
          if (packet.qos === 2) this.open.add(id)
          if (packet.qos !== 0) this.ack(packet.qos === 2 ? 'pubrec' : 'puback', id)
        }
      }
  }

  get released(): number[] {
    return this.log.filter(p => p.cmd === 'pubrel').map(p => p.messageId ?? 0)
  }
}

/** A receiver whose session goes on, and a publisher. */
function goOn(before: (to: Device, publish: (count: number, qos: 1 | 2) => void) => void = () => {}) {
  const world = new World()
  const from = new Device(world).join('from')
  let n = 0
  const publish = (count: number, qos: 1 | 2 = 2): void => {
    for (let i = 0; i < count; i++) {
      const id = (n++ % IDS) + 1
      from.pub('t', `${n}`, { qos, id })
      if (qos === 2) from.ack('pubrel', id)
    }
    world.settle()
    from.now()
  }
  const to = new Device(world).join('to', kept())
  to.sub('t', 2)
  before(to, publish)
  to.drop()
  unsure()
  const again = new Holder(world).connect('to', kept())
  return { world, to: again, publish }
}

describe('a session in doubt', () => {
  test.each([true, false])(
    'PUBREL of an unknown id: the core is told if a site may know it (%s), and nobody else',
    isUnsure => {
      const world = new World()
      new Device(world).join('a', kept()).drop()
      if (isUnsure) unsure()
      const device = new Device(world).join('a', kept())
      const journal = vi.spyOn(LocalLink.prototype, 'journal')
      expect(device.ack('pubrel', 5).take()).toMatchObject([{ cmd: 'pubcomp', messageId: 5, reasonCode: 0x92 }])
      expect(journal.mock.calls.map(([, , step]) => step)).toEqual(isUnsure ? [{ step: 'rel', packetId: 5 }] : [])
    },
  )

  test('releases each packet id before its first use, so nothing is taken for a message of the lost site', () => {
    const { world, to, publish } = goOn()
    for (let id = 1; id <= IDS; id++) to.open.add(id)
    publish(500)
    to.work()
    expect(to.seen).toEqual(Array.from({ length: 500 }, (_, i) => `${i + 1}`))
    expect(world.stats).toMatchObject({ nowInflight: 0, nowQueuedMessages: 0 })
  })

  test('PUBCOMP to that frees nothing: the new exchange goes its own way', () => {
    const { world, to, publish } = goOn()
    publish(1)
    const got = to.take()
    const published = got.find(p => p.cmd === 'publish')!
    const first = got.findIndex(p => p.cmd === 'pubrel' && p.messageId === published.messageId)
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(got.indexOf(published))
    const id = published.messageId!
    expect(to.ack('pubcomp', id, 0x92).take()).toEqual([])
    expect(world.stats.nowInflight).toBe(1)
    expect(to.ack('pubrec', id).take()).toMatchObject([{ cmd: 'pubrel', messageId: id }])
    to.ack('pubcomp', id).take()
    expect(world.stats.nowInflight).toBe(0)
  })

  test('leaves what it knows to be in flight to its own exchange, and begins far from it', () => {
    const { to, publish } = goOn((_, before) => before(3, 2))
    const early = [1, 2, 3]
    for (const id of early) to.open.add(id)
    publish(1)
    const got = to.take()
    expect(payloads(got)).toEqual(['1', '2', '3', '4'])
    const fresh = got.find(p => p.payload === '4')!.messageId!
    expect(Math.abs(fresh - 3)).toBeGreaterThan(30_000)
    for (const { cmd, messageId } of got) if (cmd === 'pubrel') expect(early).not.toContain(messageId)
  })

  test('releases nothing while there is only QoS 1', () => {
    const { to, publish } = goOn()
    publish(200, 1)
    to.work()
    expect([to.seen.length, to.released]).toEqual([200, []])
    publish(1, 2)
    publish(1, 1)
    to.work()
    expect(to.seen.length).toBe(202)
    // One for the message itself.
    expect(to.released.length).toBeGreaterThan(60)
  })

  test('is not released again for a client that breaks off at a PUBREL it does not know', () => {
    const { world, to, publish } = goOn()
    publish(1)
    expect(to.take().filter(p => p.cmd === 'pubrel').length).toBeGreaterThan(1)
    to.drop()
    world.settle()
    const again = new Holder(world).connect('to', kept())
    publish(1)
    again.work()
    expect(again.seen).toEqual(['1', '2'])
    // Those of the messages themselves.
    expect(again.released.length).toBe(2)
    expect(world.stats.pubrelUnanswered).toBe(1)
  })

  test('is no doubt about one that begins anew', () => {
    const { to } = goOn()
    to.drop()
    const anew = new Holder(to.world).join('to', kept(5, true))
    anew.sub('t', 2)
    new Device(to.world).join('other').pub('t', 'x', { qos: 2 })
    to.world.settle()
    expect(anew.take().map(p => p.cmd)).toEqual(['publish'])
  })
})

test('however many epochs have passed, the first packet ids are far from those of the connection that only the lost site knows', () => {
  for (let passed = 1; passed <= 1_000; passed++) {
    const before = bareSession(77)
    before.scatterPacketIds()
    const after = bareSession(77 + passed)
    after.scatterPacketIds()
    after.doubtPacketIds([], 77, true)
    const far = (after.nextPacketId() - before.nextPacketId() + IDS) % IDS
    expect(far).toBeGreaterThan(16_000)
    expect(far).toBeLessThan(IDS - 16_000)
  }
})

test.each([2, 1] as const)(
  'a full circle: each id once, before its first use, except those that are known to be open (QoS %i)',
  qos => {
    const one = bareSession(1)
    // More in a row than are released ahead.
    const known = Array.from({ length: 200 }, (_, i) => i + 50_000)
    one.restoredIds = new Set(known)
    one.doubtPacketIds([{ packetId: 50_199, state: 'sent', qos: 2, retain: false, message: undefined }], 0, true)
    const released: number[] = []
    const early = new Set<number>()
    const give = (qos: 1 | 2) => {
      const ids = one.doubt?.next(one, qos) ?? []
      released.push(...ids)
      for (const id of ids) early.add(id)
      return one.nextPacketId()
    }
    for (let i = 0; i < 100; i++) give(1)
    expect(released).toEqual([])
    for (let i = 0; i < IDS; i++) {
      const id = give(i === 0 ? 2 : qos)
      if (!early.has(id)) expect.fail(`Packet id ${id} was not released before`)
      if (i === 40_000) one.restoredIds.clear()
    }
    expect(one.doubt).toBeUndefined()
    expect(released.length).toBe(early.size)
    expect(early.size).toBe(IDS - known.length)
    expect(known.some(id => early.has(id))).toBe(false)
  },
)

test('without doubt nothing is released', () => {
  const released = vi.spyOn(Session.prototype, 'doubtPacketIds')
  const world = new World()
  new Device(world).join('to', kept()).drop()
  new Device(world).join('to', kept())
  expect(released).not.toHaveBeenCalled()
})
