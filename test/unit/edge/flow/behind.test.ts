/** QoS 1 and 2 mixed, to a kept session whose core takes its time with the journal: all of it is under way at once, nothing overtakes, nothing is lost. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LocalLink } from '../../../../core/link/local-link.ts'
import { seeded } from '../../../chaos/random.ts'
import { World } from '../../../simulation/world.ts'
import { Device, payloads } from '../device.ts'

afterEach(() => void vi.restoreAllMocks())

/** Messages that go out are journaled at once, but the edge hears of it only when the test says so. */
function late() {
  const answers: (() => void)[] = []
  const { journal } = LocalLink.prototype
  vi.spyOn(LocalLink.prototype, 'journal').mockImplementation(function (this: LocalLink, client, epoch, step, done) {
    journal.call(this, client, epoch, step, step.step === 'out' && done ? () => answers.push(done) : done)
  })
  return answers
}

function pair(maximum = 100, more: object = {}) {
  const answers = late()
  const world = new World()
  const options = { clean: false, properties: { sessionExpiryInterval: 3600, receiveMaximum: maximum, ...more } }
  const to = new Device(world).join('to', options)
  to.sub('t/#', 2)
  const from = new Device(world).join('from')
  let n = 0
  /** One message for each QoS, with the texts 1, 2, 3 … */
  const publish = (...qos: readonly (0 | 1 | 2)[]): void => {
    for (const one of qos) from.pub('t', `${++n}`, { qos: one })
    world.settle()
  }
  const again = () => new Device(world).connect('to', options)
  const answer = () => answers.shift()?.()
  return { world, to, from, publish, answers, answer, again }
}

describe('what comes behind a QoS 2 message that is being journaled', () => {
  test('goes out right behind it, and not before', () => {
    const { to, publish, answer } = pair()
    publish(2, 1, 1)
    expect(to.take()).toEqual([])
    answer()
    expect(payloads(to.take())).toEqual(['1', '2', '3'])
    publish(1)
    expect(payloads(to.take())).toEqual(['4'])
  })

  test('does not wait for those behind itself; all are journaled at once', () => {
    const { world, to, publish, answers, answer } = pair()
    publish(1, 2, 1, 2, 2, 1, 1)
    expect(answers).toHaveLength(3)
    expect(world.stats).toMatchObject({ nowInflight: 7, nowQueuedMessages: 0 })
    const turns = [payloads(to.take())]
    while (answers.length > 0) {
      answer()
      turns.push(payloads(to.take()))
    }
    expect(turns).toEqual([['1'], ['2', '3'], ['4'], ['5', '6', '7']])
  })

  test('waits for none at QoS 0, or in a session that is not kept', () => {
    const { world, to, publish, answers } = pair()
    const other = new Device(world).join('other')
    other.sub('t', 2)
    publish(2, 1, 0)
    expect(payloads(to.take())).toEqual(['3'])
    expect(payloads(other.take())).toEqual(['1', '2', '3'])
    expect(answers).toHaveLength(1)
  })

  test('takes its place in the window: never more than the client takes [MQTT-3.3.4-7]', () => {
    const { world, to, publish, answer } = pair(3)
    publish(2, 1, 1, 2, 1, 1)
    expect(world.stats).toMatchObject({ nowInflight: 3, nowQueuedMessages: 3 })
    answer()
    expect(payloads(to.take())).toEqual(['1', '2', '3'])
    to.ack('puback', 2).ack('puback', 3)
    expect(to.take()).toEqual([])
    expect(world.stats).toMatchObject({ nowInflight: 3, nowQueuedMessages: 1 })
    answer()
    expect(payloads(to.take())).toEqual(['4', '5'])
    expect(payloads(to.ack('puback', 5).take())).toEqual(['6'])
  })

  test('cannot be acknowledged before it is sent', () => {
    const { world, to, publish, answer } = pair()
    publish(2, 1)
    to.ack('puback', 2).ack('puback', 1).ack('pubcomp', 1)
    expect(to.take()).toEqual([])
    expect(world.stats.nowInflight).toBe(2)
    answer()
    expect(payloads(to.take())).toEqual(['1', '2'])
  })

  test('goes out also if that one is too large for the client after all', () => {
    const { world, to, from, publish, answer } = pair(2, { maximumPacketSize: 60 })
    from.pub('t', 'x'.repeat(100), { qos: 2 })
    publish(1, 1)
    expect(world.stats.nowInflight).toBe(2)
    answer()
    expect(payloads(to.take())).toEqual(['1', '2'])
    expect(world.stats).toMatchObject({ droppedTooLarge: 1, nowInflight: 2 })
  })

  test('is not sent, like that one, if its time is over by then [MQTT-3.3.2-5]', () => {
    const { world, to, from, publish, answer, again } = pair()
    const brief = { properties: { messageExpiryInterval: 2 } }
    from.pub('t', 'brief', { qos: 2, ...brief }).pub('t', 'brief', { qos: 1, ...brief })
    publish(1)
    world.pass(3000)
    answer()
    expect(payloads(to.take())).toEqual(['1'])
    expect(world.stats).toMatchObject({ droppedExpired: 2, nowInflight: 1 })
    to.drop()
    expect(payloads(again().take())).toEqual(['1'])
  })
})

describe('a connection that ends while the journal is under way', () => {
  test('is served by the next one, in order, and what is heard late changes nothing', () => {
    const { world, to, publish, answers, answer, again } = pair()
    publish(1, 2, 1, 2, 1)
    expect(payloads(to.take())).toEqual(['1'])
    answer()
    expect(payloads(to.take())).toEqual(['2', '3'])
    to.drop()
    const next = again()
    expect(payloads(next.take())).toEqual(['1', '2', '3', '4', '5'])
    while (answers.length > 0) answer()
    expect(next.take()).toEqual([])
    expect(to.take()).toEqual([])
    expect(world.stats).toMatchObject({ nowInflight: 5, failures: 0 })
  })

  test('is so also if the client has connected again meanwhile', () => {
    const { to, publish, answers, answer, again } = pair()
    publish(2, 1)
    const next = again()
    expect(payloads(next.take())).toEqual(['1', '2'])
    expect(to.ended).toBe(true)
    publish(2, 1)
    expect(answers).toHaveLength(2)
    answer()
    expect(next.take()).toEqual([])
    answer()
    expect(payloads(next.take())).toEqual(['3', '4'])
  })

  test('because what the journal says finds an error of ours, loses nothing either', () => {
    const { world, to, publish, answer, again } = pair()
    publish(2, 1, 2)
    const { events } = to.pipe
    vi.spyOn((events as unknown as { output: { publish: () => void } }).output, 'publish').mockImplementationOnce(
      () => {
        throw new Error('The output is broken')
      },
    )
    answer()
    expect(to.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x80 }])
    expect(world.stats).toMatchObject({ failures: 1, nowInflight: 0 })
    answer()
    expect(payloads(again().take())).toEqual(['1', '2', '3'])
  })
})

test.each([1, 2, 3, 4, 5, 6])('whatever the order of events, seed %d: each topic keeps its order', seed => {
  const random = seeded(seed)
  const upTo = (n: number): number => Math.floor(random() * n)
  const WINDOW = 5
  const { world, to, from, answers, answer } = pair(WINDOW)
  const sent: string[] = []
  const seen: string[] = []
  /** What the client still has to say of a message, and its packet id. */
  const open: ['puback' | 'pubrec' | 'pubcomp', number][] = []
  const steps = [
    () => {
      const topic = `t/${upTo(2)}`
      sent.push(`${topic} ${sent.length}`)
      from.pub(topic, sent.at(-1)!, { qos: upTo(2) === 0 ? 1 : 2 })
    },
    answer,
    () => {
      const [ack] = open.splice(upTo(open.length), 1)
      if (ack !== undefined) to.ack(...ack)
    },
  ]
  const look = (): void => {
    for (const { cmd, payload, qos, messageId } of to.take()) {
      if (cmd === 'publish') seen.push(payload!)
      open.push([cmd === 'pubrel' ? 'pubcomp' : qos === 1 ? 'puback' : 'pubrec', messageId!])
    }
    for (const { cmd, messageId } of from.take()) if (cmd === 'pubrec') from.ack('pubrel', messageId!)
    expect(world.stats.nowInflight).toBeLessThanOrEqual(WINDOW)
    expect(open.length).toBeLessThanOrEqual(WINDOW)
  }
  for (let i = 0; i < 300; i++) {
    steps[upTo(steps.length)]!()
    look()
  }
  for (let i = 0; i < 2000 && (open.length > 0 || answers.length > 0); i++) {
    steps[1 + upTo(2)]!()
    look()
  }
  expect(seen).toEqual(sent)
  expect(world.stats).toMatchObject({ nowInflight: 0, nowQueuedMessages: 0, droppedQueueFull: 0 })
})
