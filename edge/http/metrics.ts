/** The Prometheus metrics of an edge, read from its plain counters when somebody asks. Must not be on any hot path. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { EdgeStats } from '../stats.ts'
import { Reason } from '../wire/reason.ts'

interface Series {
  readonly metric: string
  readonly labels?: Readonly<Record<string, string>>
}

const qos = (metric: string, level: string): Series => ({ metric, labels: { qos: level } })
const dropped = (why: string): Series => ({ metric: 'messages_dropped', labels: { why } })

type FieldsOf<T> = { [K in keyof EdgeStats]: EdgeStats[K] extends T ? K : never }[keyof EdgeStats]
type Field = FieldsOf<number>

/** Every number of `EdgeStats` has its place here; a new one without does not compile. */
const SERIES: Readonly<Record<Field, Series>> = {
  nowConnections: { metric: 'connections' },
  nowSessions: { metric: 'sessions' },
  nowSubscriptions: { metric: 'subscriptions' },
  nowInflight: { metric: 'inflight_messages' },
  nowQueuedMessages: { metric: 'queued_messages' },
  nowQueuedBytes: { metric: 'queued_bytes' },
  nowTopicAliases: { metric: 'topic_aliases' },
  nowCachedTopics: { metric: 'route_cache_topics' },
  nowDraining: { metric: 'draining' },
  nowClaims: { metric: 'claims' },
  nowClaimsWaiting: { metric: 'claims_waiting' },
  accepted: { metric: 'connections_accepted' },
  acceptDelayed: { metric: 'accepts_delayed' },
  acceptRefused: { metric: 'accepts_refused' },
  connectsOk: { metric: 'connects', labels: { result: 'accepted' } },
  connectsRefused: { metric: 'connects', labels: { result: 'refused' } },
  connectTimeouts: { metric: 'connects', labels: { result: 'timeout' } },
  keepAliveTimeouts: { metric: 'keep_alive_timeouts' },
  takeovers: { metric: 'session_takeovers' },
  slowClosed: { metric: 'slow_consumers_closed' },
  sentAway: { metric: 'clients_sent_away' },
  claimsShed: { metric: 'claims_shed' },
  pubrelUnanswered: { metric: 'pubrel_unanswered' },
  authFailures: { metric: 'authentication_failures' },
  authBlocked: { metric: 'authentications_blocked' },
  malformed: { metric: 'malformed_packets' },
  packetsTooLarge: { metric: 'packets_too_large' },
  bytesIn: { metric: 'bytes_received' },
  bytesOut: { metric: 'bytes_sent' },
  packetsIn: { metric: 'packets_received' },
  packetsOut: { metric: 'packets_sent' },
  publishesIn0: qos('publishes_received', '0'),
  publishesIn1: qos('publishes_received', '1'),
  publishesIn2: qos('publishes_received', '2'),
  deliveries0: qos('deliveries', '0'),
  deliveries1: qos('deliveries', '1'),
  deliveries2: qos('deliveries', '2'),
  retransmissions: { metric: 'retransmissions' },
  publishRefused: { metric: 'publishes_refused' },
  subscribeRefused: { metric: 'subscriptions_refused' },
  droppedSlowQos0: dropped('slow'),
  droppedQueueFull: dropped('queue-full'),
  droppedTooLarge: dropped('too-large'),
  droppedExpired: dropped('expired'),
  droppedNotAllowed: dropped('not-allowed'),
  shareRedispatched: { metric: 'shared_redispatches' },
  readPauses: { metric: 'read_pauses' },
  failures: { metric: 'connection_failures' },
}

/** As `SERIES`, for what is counted by reason code; the label says `quota-exceeded` for 0x97. */
const BY_REASON: Readonly<Record<FieldsOf<Float64Array>, { readonly metric: string; readonly help: string }>> = {
  refusedBy: { metric: 'connects_refused', help: 'CONNECT packets refused, by reason code' },
  closedBy: {
    metric: 'connections_closed',
    help: 'Connections closed by the gateway after CONNECT, by reason code: limits, time-outs, takeovers, malformed packets, shutdown',
  },
}

/** The errors of MQTT 5 and their labels. */
const ERRORS = Object.entries(Reason)
  .filter(([, code]) => code >= 0x80)
  .map(([name, code]) => ({
    code,
    reason: name
      .replace('QoS', 'Qos')
      .replace(/(?<=[a-z])[A-Z]/g, letter => `-${letter}`)
      .toLowerCase(),
  }))

const GAUGES: Readonly<Record<string, string>> = {
  connections: 'Open MQTT connections, those before CONNECT included',
  sessions: 'Sessions with a connection at this edge',
  subscriptions: 'Subscriptions of the connected sessions',
  inflight_messages: 'Outbound QoS 1 and 2 messages without final acknowledgement',
  queued_messages: 'Messages in memory that wait behind the in-flight windows',
  queued_bytes: 'Bytes of the messages that wait in memory',
  topic_aliases: 'Topic aliases in use towards the connected clients',
  route_cache_topics: 'Topics whose receivers at this edge are remembered',
  draining: '1 while this edge sends its clients away, or takes none any more',
  claims: 'CONNECT packets whose session is being asked for at the core',
  claims_waiting: 'CONNECT packets that wait until the core has answered others',
}

const COUNTERS: Readonly<Record<string, string>> = {
  connections_accepted: 'Connections let in by the listeners',
  accepts_delayed: 'Connections that waited because of the accept rate',
  accepts_refused: 'Connections closed at once because too many are open or in line',
  connects: 'CONNECT packets by result; timeout is a connection whose CONNECT did not come in time',
  keep_alive_timeouts: 'Connections closed because the client was silent for 1.5 keep alive intervals',
  session_takeovers: 'Connections closed because another one took their session over',
  slow_consumers_closed: 'Connections closed because the queue of a slow consumer was full',
  clients_sent_away: 'Clients whose connection was ended by a drain',
  claims_shed: 'CONNECT packets refused (0x9F) because too many waited for the core',
  pubrel_unanswered:
    'Connections that ended at a PUBREL for a packet id which the client need not know; it gets none again',
  authentication_failures: 'Authentications that failed through the fault of the client',
  authentications_blocked: 'Authentications refused unchecked: too many of that address failed within a minute',
  malformed_packets: 'Connections closed because of a malformed packet or PROXY header',
  packets_too_large: 'Those of the malformed packets that were larger than allowed, before or after CONNECT',
  bytes_received: 'Bytes read from devices',
  bytes_sent: 'Bytes written to devices',
  packets_received: 'MQTT packets read from devices',
  packets_sent: 'MQTT packets written to devices',
  publishes_received: 'PUBLISH packets read from devices, by QoS',
  deliveries: 'PUBLISH packets written to devices, by QoS',
  retransmissions: 'PUBLISH and PUBREL packets sent again after a reconnect',
  publishes_refused: 'PUBLISH packets answered with an error or dropped for lack of rights',
  subscriptions_refused: 'Filters of SUBSCRIBE packets answered with an error',
  messages_dropped: 'Messages not delivered to a recipient, by reason',
  shared_redispatches: 'Messages of a shared subscription given to another member',
  read_pauses: 'Times that reading from a device stopped because a log or memory budget was full',
  connection_failures: 'Errors of the gateway itself, each of which closed a connection with 0x80',
}

/** A registry whose metrics, all named `meridian_…`, follow `stats`. Add others to it with `registers: [registry]`. */
export function createRegistry(stats: EdgeStats, version: string): Registry {
  const registry = new Registry()
  for (const [metric, help] of Object.entries(GAUGES)) addGauge(registry, stats, metric, help)
  for (const [metric, help] of Object.entries(COUNTERS)) addCounter(registry, stats, metric, help)
  for (const [field, { metric, help }] of Object.entries(BY_REASON))
    addByReason(registry, stats[field as keyof typeof BY_REASON], metric, help)
  new Gauge({
    name: 'meridian_build_info',
    help: 'The version that runs, as a label; always 1',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
  new Gauge({
    name: 'meridian_start_time_seconds',
    help: 'When the process started, in seconds since 1970',
    registers: [registry],
  }).set(Math.floor(Date.now() / 1000))
  return registry
}

function seriesOf(metric: string): [Field, Series][] {
  const all = Object.entries(SERIES) as [Field, Series][]
  return all.filter(([, series]) => series.metric === metric)
}

const labelNamesOf = (series: readonly [Field, Series][]): string[] => Object.keys(series[0]?.[1].labels ?? {})

function addGauge(registry: Registry, stats: EdgeStats, metric: string, help: string): void {
  const series = seriesOf(metric)
  new Gauge({
    name: `meridian_${metric}`,
    help,
    registers: [registry],
    collect() {
      for (const [key] of series) this.set(stats[key])
    },
  })
}

function addCounter(registry: Registry, stats: EdgeStats, metric: string, help: string): void {
  const series = seriesOf(metric)
  new Counter({
    name: `meridian_${metric}_total`,
    help,
    labelNames: labelNamesOf(series),
    registers: [registry],
    collect() {
      this.reset()
      for (const [key, { labels }] of series) {
        if (labels === undefined) this.inc(stats[key])
        else this.inc({ ...labels }, stats[key])
      }
    },
  })
}

/** Every error is there from the start, with 0: a rate sees the first one too. */
function addByReason(registry: Registry, counts: Float64Array, metric: string, help: string): void {
  new Counter({
    name: `meridian_${metric}_total`,
    help,
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { code, reason } of ERRORS) this.inc({ reason }, counts[code])
    },
  })
}
