/** The table of the benchmark: what is run on which broker, and what must hold. Data only. */
import { atLeast, atMost, type Bar, cpuRatio, none } from './bars.ts'
import { BROKERS, type BrokerName } from './outcome.ts'

export interface BenchScenario {
  readonly name: string
  readonly title: string
  /** Flags of the load generator; `in process` runs the topic micro benchmark instead. */
  readonly load: string | 'in process'
  readonly brokers: readonly BrokerName[]
  readonly bars: readonly Bar[]
}

const lossless = none('lost', 'nothing lost')
const near = cpuRatio(1.3, 'CPU per delivery ≤ 1.3 × Mosquitto (aim: below 1.0)')

export const SCENARIOS: readonly BenchScenario[] = [
  {
    name: 'fanout-50k-q0',
    title: 'Fan-out 5→1000, 50 msg/s, QoS 0',
    load: '--scenario fanout --pubs 5 --subs 1000 --rate 50 --qos 0',
    brokers: BROKERS,
    bars: [lossless, cpuRatio(0.8, 'CPU per delivery ≤ 0.8 × Mosquitto')],
  },
  {
    name: 'fanout-150k-q0',
    title: 'Fan-out 5→1000, 150 msg/s, QoS 0',
    load: '--scenario fanout --pubs 5 --subs 1000 --rate 150 --qos 0',
    brokers: BROKERS,
    bars: [lossless, atMost('p99_ms', 50, 'p99 ≤ 50 ms')],
  },
  {
    name: 'fanout-250k-q1',
    title: 'Fan-out 5→1000, 250 msg/s, QoS 1',
    load: '--scenario fanout --pubs 5 --subs 1000 --rate 250 --qos 1',
    brokers: BROKERS,
    bars: [
      atLeast('delivered_per_s', 200_000, '≥ 200,000 deliveries/s'),
      lossless,
      atMost('p99_ms', 150, 'p99 ≤ 150 ms'),
    ],
  },
  {
    name: 'p2p-20k-q1',
    title: 'p2p 1000:1000, 20,000 msg/s, QoS 1',
    load: '--scenario p2p --pubs 1000 --rate 20000 --qos 1',
    brokers: BROKERS,
    bars: [lossless, near],
  },
  {
    name: 'p2p-40k-q0',
    title: 'p2p 1000:1000, 40,000 msg/s, QoS 0',
    load: '--scenario p2p --pubs 1000 --rate 40000 --qos 0',
    brokers: BROKERS,
    bars: [lossless, near],
  },
  {
    name: 'fanin-40k-q1',
    title: 'Fan-in 50→2, 40,000 msg/s, QoS 1',
    load: '--scenario fanin --pubs 50 --subs 2 --rate 40000 --qos 1 --window 200',
    brokers: BROKERS,
    bars: [lossless, near],
  },
  {
    name: 'share-20k-q1',
    title: '$share 1000→50, 20,000 msg/s, QoS 1',
    load: '--scenario share --pubs 1000 --subs 50 --rate 20000 --qos 1',
    brokers: BROKERS,
    bars: [lossless, near],
  },
  {
    name: 'p2p-5k-q2',
    title: 'p2p 1000:1000, 5,000 msg/s, QoS 2',
    load: '--scenario p2p --pubs 1000 --rate 5000 --qos 2',
    brokers: BROKERS,
    bars: [lossless, none('dup', 'none twice')],
  },
  {
    name: 'p2p-1k-q1-v5',
    title: 'p2p 1000:1000, 1,000 msg/s, QoS 1, MQTT 5',
    load: '--scenario p2p --pubs 1000 --rate 1000 --qos 1 --v 5',
    brokers: ['meridian', 'mosquitto'],
    bars: [lossless, atMost('p99_ms', 5, 'p99 ≤ 5 ms')],
  },
  {
    name: 'durable-20k-q1',
    title: 'p2p 1000:1000, 20,000 msg/s, QoS 1, durable before PUBACK',
    load: '--scenario p2p --pubs 1000 --rate 20000 --qos 1',
    brokers: ['meridian', 'meridian-durable'],
    bars: [
      none('lost', 'nothing lost', 'meridian-durable'),
      cpuRatio(1.6, 'CPU per delivery ≤ 1.6 × in memory', 'meridian-durable', 'meridian'),
    ],
  },
  {
    name: 'idle-8k',
    title: '8,000 idle connections, each with a subscription',
    load: '--scenario idle --subs 8000',
    brokers: BROKERS,
    bars: [none('fails', 'no failures'), atMost('rss_kib_per_conn', 10, 'RSS ≤ 10 KiB per connection')],
  },
  {
    name: 'connect',
    title: 'Connect and CONNACK, 64 at once',
    load: '--scenario connect --subs 6000',
    brokers: BROKERS,
    bars: [none('fails', 'no failures'), atLeast('per_s', 6000, '≥ 6,000 connections/s')],
  },
  {
    name: 'retained',
    title: '100,000 retained topics, a wildcard subscribe that matches 10,000',
    load: '--scenario retained --topics 100000 --matching 10000 --qos 1 --window 200',
    brokers: BROKERS,
    bars: [lossless, atMost('first_ms', 50, 'first one < 50 ms'), atMost('all_ms', 2000, 'all of them < 2 s')],
  },
  {
    name: 'match-100k',
    title: 'Topic match among 100,000 subscriptions with wildcards',
    load: 'in process',
    brokers: ['meridian'],
    bars: [atMost('match_us', 5, 'median < 5 µs')],
  },
]
