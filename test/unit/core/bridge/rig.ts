/** Rules, messages and a sender that tests of the bridge answer by hand. */
import type { InRule, OutRule } from '../../../../core/bridge/config.ts'
import { Outbox } from '../../../../core/bridge/outbox.ts'
import { type Incoming, type Outgoing, SendFailure } from '../../../../core/bridge/port.ts'
import { type BridgeEvent, BridgeStats } from '../../../../core/bridge/stats.ts'
import { type ClientKey, DEFAULT_TENANT, type Incarnation, type TopicName } from '../../../../core/contract/ids.ts'
import { Message, type MessageInit } from '../../../../core/contract/message.ts'

export const outRule = (rule: Partial<OutRule> = {}): OutRule => ({
  filter: '#',
  tenant: '',
  topic: 'telemetry',
  fifo: 'off',
  attempts: 3,
  userPrefix: 'user_',
  ...rule,
})

export const inRule = (rule: Partial<InRule> = {}): InRule => ({
  topic: 'commands',
  group: 'meridian',
  tags: '*',
  to: 'cmd',
  tenant: '',
  qos: 1,
  retain: false,
  expirySec: 0,
  userPrefix: 'user_',
  ...rule,
})

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

let seq = 0

export const message = (topic: string, init: Partial<MessageInit> = {}): Message =>
  new Message('e1' as Incarnation, ++seq, {
    tenant: DEFAULT_TENANT,
    topic: topic as TopicName,
    qos: 1,
    payload: bytes('21.5'),
    sender: ':d1' as ClientKey,
    ...init,
  })

export const incoming = (properties: Record<string, string> = {}, rest: Partial<Incoming> = {}): Incoming => ({
  id: '01AB',
  topic: 'commands',
  body: bytes('on'),
  tag: undefined,
  keys: [],
  group: undefined,
  ...rest,
  properties: new Map(Object.entries(properties)),
})

/** An outbox whose sends wait until the test answers them, and whose pauses pass when it says so. */
export class OutRig {
  readonly stats = new BridgeStats()
  readonly events: BridgeEvent[] = []
  readonly tapped: Message[] = []
  readonly congested: boolean[] = []
  readonly sends: { readonly outgoing: Outgoing; readonly answer: (error?: SendFailure) => Promise<void> }[] = []
  readonly pauses: { readonly ms: number; readonly fn: () => void }[] = []
  readonly outbox: Outbox

  constructor(rules: readonly OutRule[], limits: { queue?: number; qos0?: number; inFlight?: number } = {}) {
    this.outbox = new Outbox({
      rules,
      sender: { send: outgoing => this.#send(outgoing) },
      host: {
        tapped: m => this.tapped.push(m),
        congest: on => this.congested.push(on),
        publish: () => {},
      },
      limits: {
        bridgeQueueBytes: limits.queue ?? 1e6,
        bridgeQos0Bytes: limits.qos0 ?? 1e6,
        bridgeInFlight: limits.inFlight ?? 8,
      },
      stats: this.stats,
      events: event => this.events.push(event),
      now: () => 1_000,
      after: (ms, fn) => this.pauses.push({ ms, fn }),
    })
  }

  get topics(): string[] {
    return this.sends.map(({ outgoing }) => outgoing.properties.get('mqttTopic') ?? '')
  }

  /** Ends all pauses; their lengths. */
  wait(): number[] {
    const due = this.pauses.splice(0)
    for (const { fn } of due) fn()
    return due.map(({ ms }) => ms)
  }

  fail(send: number, kind: SendFailure['kind'], text = 'no'): Promise<void> {
    return this.sends[send]!.answer(new SendFailure(kind, text))
  }

  #send(outgoing: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      const answer = async (error?: SendFailure): Promise<void> => {
        if (error === undefined) resolve()
        else reject(error)
        await new Promise(done => setImmediate(done))
      }
      this.sends.push({ outgoing, answer })
    })
  }
}
