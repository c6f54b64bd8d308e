/** What a run of the generator is asked to do, and which topics and streams follow from it; parses flags, measures nothing. */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Version } from './frames.ts'
import { PAYLOAD_MIN_BYTES } from './payload.ts'

export const SCENARIOS = [
  'p2p',
  'fanout',
  'fanin',
  'share',
  'connect',
  'idle',
  'retained',
  'takeover',
  'offline',
] as const
export type Scenario = (typeof SCENARIOS)[number]

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly scenario: Scenario
  readonly pubs: number
  /** Subscribers; for `connect` and `idle` the connections. */
  readonly subs: number
  /** Publishes per second, over all publishers. */
  readonly rate: number
  /** Unacknowledged publishes per publisher (QoS ≥ 1). */
  readonly window: number
  readonly qos: 0 | 1 | 2
  /** Payload bytes. */
  readonly size: number
  readonly secs: number
  /** Seconds before the measured ones. */
  readonly warm: number
  /** Seconds to wait for late deliveries. */
  readonly drain: number
  readonly version: Version
  /** Connects under way at once. */
  readonly conc: number
  /** Processes whose CPU and memory are reported. */
  readonly pids: readonly number[]
  readonly workers: number
  /** `retained`: topics in all, and how many of them the wildcard matches. */
  readonly topics: number
  readonly matching: number
  /** `takeover`: port of the other edge, on the same host. */
  readonly otherPort: number
  /** `takeover`, `offline`: messages that wait for each session. */
  readonly messages: number
  /** `connect`: sessions that outlive their connections (MQTT 5). */
  readonly kept: boolean
  /** Start of client ids and topics. */
  readonly prefix: string
}

const FLAGS = {
  addr: '127.0.0.1:1883',
  scenario: 'p2p',
  pubs: '100',
  subs: '100',
  rate: '1000',
  window: '20',
  qos: '0',
  size: '64',
  secs: '10',
  warm: '2',
  drain: '3',
  v: '4',
  conc: '64',
  pid: '',
  workers: '',
  topics: '100000',
  matching: '10000',
  'other-port': '0',
  messages: '10',
  kept: '0',
  prefix: '',
} as const

type Flag = keyof typeof FLAGS

/** One worker when pinned to a core; otherwise all but one core, which is left to the broker. */
const defaultWorkers = (): number => Math.min(8, Math.max(1, availableParallelism() - 1))

/** Reads command-line flags; throws an error that names the flag, its value and what is allowed. */
export const parseLoadOptions = (args: readonly string[]): LoadOptions => {
  const options = Object.fromEntries(Object.keys(FLAGS).map(flag => [flag, { type: 'string' as const }]))
  const { values } = parseArgs({ args: [...args], options, strict: true })
  const text = (flag: Flag): string => String(values[flag] ?? FLAGS[flag])
  const number = (flag: Flag, least: number, most: number): number => {
    const value = Number(text(flag))
    if (!(value >= least && value <= most)) {
      throw new Error(`Flag --${flag} is '${text(flag)}' but must be a number from ${least} to ${most}`)
    }
    return value
  }
  const whole = (flag: Flag, least: number, most: number): number => Math.floor(number(flag, least, most))
  const scenario = SCENARIOS.find(name => name === text('scenario'))
  if (scenario === undefined) {
    throw new Error(`Flag --scenario is '${text('scenario')}' but must be one of ${SCENARIOS.join(', ')}`)
  }
  const [host = '', port = ''] = text('addr').split(':')
  const pubs = whole('pubs', 1, 100_000)
  return {
    host,
    port: Number(port),
    scenario,
    pubs,
    subs: scenario === 'p2p' ? pubs : whole('subs', 1, 100_000),
    rate: number('rate', 0.001, 10_000_000),
    window: whole('window', 1, 30_000),
    qos: whole('qos', 0, 2) as 0 | 1 | 2,
    size: whole('size', PAYLOAD_MIN_BYTES, 1 << 20),
    secs: number('secs', 0, 3600),
    warm: number('warm', 0, 3600),
    drain: number('drain', 0, 600),
    version: whole('v', 4, 5) as Version,
    conc: whole('conc', 1, 10_000),
    pids: text('pid').split(',').filter(Boolean).map(Number),
    workers: values.workers === undefined ? defaultWorkers() : whole('workers', 1, 64),
    topics: whole('topics', 1, 10_000_000),
    matching: whole('matching', 1, 10_000_000),
    otherPort: whole('other-port', 0, 65_535),
    messages: whole('messages', 1, 10_000),
    kept: whole('kept', 0, 1) === 1,
    prefix: text('prefix') || `L${Date.now() % 1_000_000_000}`,
  }
}

/** Topic that publisher `i` writes to. */
export const topicOf = (o: LoadOptions, i: number): string => {
  if (o.scenario === 'fanout') return `${o.prefix}/f`
  if (o.scenario === 'fanin') return `${o.prefix}/t/${i % o.subs}/${i}`
  return `${o.prefix}/t/${i}`
}

/** Filter that subscriber `i` subscribes to. */
export const filterOf = (o: LoadOptions, i: number): string => {
  if (o.scenario === 'fanout') return `${o.prefix}/f`
  if (o.scenario === 'fanin') return `${o.prefix}/t/${i}/#`
  if (o.scenario === 'share') return `$share/g/${o.prefix}/t/#`
  return `${o.prefix}/t/${i}`
}

/** Deliveries that one publish must cause. */
export const fanOf = (o: LoadOptions): number => (o.scenario === 'fanout' ? o.subs : 1)

/** Streams to account for: each publisher once, in a fan-out once per subscriber. */
export const streamsOf = (o: LoadOptions): number => o.pubs * fanOf(o)

/** The stream of what subscriber `sub` got from publisher `pub`; -1 if it should not have got it. */
export const streamOf = (o: LoadOptions, sub: number, pub: number): number => {
  if (o.scenario === 'fanout') return pub < o.pubs ? sub * o.pubs + pub : -1
  if (o.scenario === 'share') return pub
  return pub % o.subs === sub ? pub : -1
}

/** Sequence numbers a publisher can reach, with room for the last tick. */
export const messagesPerPublisher = (o: LoadOptions): number => Math.ceil((o.rate * (o.warm + o.secs + 1)) / o.pubs) + 2
