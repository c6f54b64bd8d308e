/** The `limits` section of the configuration: range, unit and meaning of every bound in `core/contract/limits.ts`. Defaults live there, not here. */
import { z } from 'zod'
import { DEFAULT_LIMITS, type Limits } from '../../core/contract/limits.ts'

type CountKey = Exclude<keyof Limits, 'maxQos'>

/** A whole number with its unit, range and meaning. Zero is only allowed where it means something. */
const bound = (key: CountKey, unit: string, min: number, max: number, description: string) =>
  z.number().int().min(min).max(max).default(DEFAULT_LIMITS[key]).meta({ description, unit })

const GiB = 1024 ** 3
const TiB = 1024 ** 4
const HOUR_MS = 3_600_000
const UINT32 = 0xffffffff
const UINT16 = 0xffff
const PACKET_MAX = 268_435_460
const MILLIONS = 100_000_000

export const limitsSchema = z.strictObject({
  connectTimeoutMs: bound(
    'connectTimeoutMs',
    'ms',
    100,
    HOUR_MS,
    'A connection must have sent its whole CONNECT by then',
  ),
  acceptPerSecond: bound(
    'acceptPerSecond',
    'connections/s',
    1,
    MILLIONS,
    'Connections accepted per second; others wait',
  ),
  acceptBurst: bound('acceptBurst', 'connections', 1, MILLIONS, 'Connections accepted at once after quiet'),
  maxConnections: bound(
    'maxConnections',
    'connections',
    1,
    MILLIONS,
    'Open connections; beyond it new ones are closed',
  ),
  maxConnectPacketBytes: bound(
    'maxConnectPacketBytes',
    'bytes',
    64,
    PACKET_MAX,
    'Largest CONNECT, or whatever comes first, checked at its fixed header',
  ),
  maxPacketBytes: bound(
    'maxPacketBytes',
    'bytes',
    64,
    PACKET_MAX,
    'Largest packet behind CONNECT (Maximum Packet Size), checked at its fixed header',
  ),
  maxClientIdBytes: bound('maxClientIdBytes', 'bytes', 23, UINT16, 'Longest client id'),
  maxTopicBytes: bound('maxTopicBytes', 'bytes', 1, UINT16, 'Longest topic name or filter'),
  maxTopicLevels: bound('maxTopicLevels', 'levels', 1, UINT16, 'Deepest topic name or filter'),
  maxSubscriptionsPerSession: bound(
    'maxSubscriptionsPerSession',
    'filters',
    1,
    MILLIONS,
    'Subscriptions of one session',
  ),
  maxFiltersPerSubscribe: bound('maxFiltersPerSubscribe', 'filters', 1, UINT16, 'Filters in one SUBSCRIBE'),
  maxKeepAliveSec: bound(
    'maxKeepAliveSec',
    's',
    0,
    UINT16,
    'A longer (or no) keep alive is replaced by this one (Server Keep Alive); 0 leaves it to the client',
  ),
  maxSessionExpirySec: bound('maxSessionExpirySec', 's', 0, UINT32, 'Longest Session Expiry Interval granted'),
  defaultSessionExpirySec: bound(
    'defaultSessionExpirySec',
    's',
    1,
    UINT32,
    'How long a 3.1.1 session with clean session 0 is kept after its connection',
  ),
  maxQos: z
    .literal([0, 1, 2])
    .default(DEFAULT_LIMITS.maxQos)
    .meta({ description: 'Highest QoS granted (Maximum QoS)', unit: 'QoS' }),
  receiveMaximum: bound(
    'receiveMaximum',
    'messages',
    1,
    UINT16,
    'Inbound QoS 1 and 2 messages without answer (Receive Maximum)',
  ),
  maxInflight: bound('maxInflight', 'messages', 1, UINT16, 'Outbound QoS 1 and 2 messages in flight to one client'),
  topicAliasMaximum: bound('topicAliasMaximum', 'aliases', 0, UINT16, 'Topic aliases a client may use'),
  maxOutboundTopicAliases: bound(
    'maxOutboundTopicAliases',
    'aliases',
    0,
    UINT16,
    'Topic aliases used towards a client',
  ),
  sessionQueueMessages: bound(
    'sessionQueueMessages',
    'messages',
    1,
    MILLIONS,
    'Messages that wait in memory for one connected session',
  ),
  sessionQueueBytes: bound(
    'sessionQueueBytes',
    'bytes',
    1024,
    TiB,
    'Bytes that wait in memory for one connected session',
  ),
  connectionOutBytes: bound(
    'connectionOutBytes',
    'bytes',
    1024,
    TiB,
    'Bytes that wait for one socket; QoS 0 beyond it is dropped',
  ),
  connectionOutMessages: bound(
    'connectionOutMessages',
    'messages',
    1,
    MILLIONS,
    'Messages that wait for one socket; QoS 0 beyond it is dropped',
  ),
  inboxMessages: bound('inboxMessages', 'messages', 1, MILLIONS, 'Messages kept for one offline session'),
  inboxBytes: bound('inboxBytes', 'bytes', 1024, TiB, 'Bytes kept for one offline session'),
  inboxAgeSec: bound('inboxAgeSec', 's', 1, UINT32, 'Age up to which a message is kept for an offline session'),
  watermarkHoldMs: bound(
    'watermarkHoldMs',
    'ms',
    100,
    HOUR_MS,
    'Un-acknowledged messages of a persistent session are saved after this long',
  ),
  logPendingBytes: bound(
    'logPendingBytes',
    'bytes',
    65_536,
    TiB,
    'Accepted but not yet durable bytes; beyond it reading from publishers pauses',
  ),
  memoryBytes: bound(
    'memoryBytes',
    'bytes',
    1_048_576,
    TiB,
    'Bytes queued for all connections together; beyond it reading from publishers pauses',
  ),
  retainedMessages: bound('retainedMessages', 'messages', 0, MILLIONS, 'Retained messages; further ones are not kept'),
  retainedBytes: bound('retainedBytes', 'bytes', 0, TiB, 'Bytes of all retained messages; further ones are not kept'),
  retainedPayloadBytes: bound('retainedPayloadBytes', 'bytes', 0, GiB, 'Largest payload that is retained'),
  sessions: bound('sessions', 'sessions', 1, MILLIONS, 'Sessions, connected or not'),
  routeCacheTopics: bound('routeCacheTopics', 'topics', 1, MILLIONS, 'Topics whose receivers are remembered'),
  retainedPageMessages: bound(
    'retainedPageMessages',
    'messages',
    1,
    UINT16,
    'Retained messages read at a time after SUBSCRIBE',
  ),
  drainPageMessages: bound(
    'drainPageMessages',
    'messages',
    1,
    UINT16,
    'Waiting messages read at a time after reconnect',
  ),
  turnGapMs: bound(
    'turnGapMs',
    'ms',
    0,
    100,
    'Least time between two turns of the loop when many devices send much (200 connections, 10,000 messages/s): costs latency, saves CPU; 0 none; Node only',
  ),
  linkUnackedBytes: bound(
    'linkUnackedBytes',
    'bytes',
    65_536,
    GiB,
    'Bytes sent over a link between edge and core and not acknowledged; beyond it reading from publishers pauses, and a core drops QoS 0 for the edge from half of it',
  ),
  linkRecordBytes: bound(
    'linkRecordBytes',
    'bytes',
    1_048_576,
    GiB,
    'What one call may carry over a link: all that one session hands over',
  ),
  linkGraceMs: bound(
    'linkGraceMs',
    'ms',
    100,
    HOUR_MS,
    'A core keeps the sessions of an edge for this long without link',
  ),
  linkHeartbeatMs: bound(
    'linkHeartbeatMs',
    'ms',
    50,
    60_000,
    'Something is sent over a link at least this often; three times without is its end',
  ),
  linkLostMs: bound('linkLostMs', 'ms', 100, HOUR_MS, 'An edge without core for this long closes its connections'),
  linkStalledMs: bound(
    'linkStalledMs',
    'ms',
    100,
    HOUR_MS,
    'An edge for which linkUnackedBytes have been waiting for this long counts as dead',
  ),
  maxLinks: bound('maxLinks', 'edges', 1, UINT16, 'Edges at one core'),
  walBodyBytes: bound(
    'walBodyBytes',
    'bytes',
    4_096,
    4_000_000,
    'A message of RocketMQ that holds a part of the log is ended when it has so many bytes',
  ),
  walRetryMs: bound(
    'walRetryMs',
    'ms',
    0,
    HOUR_MS,
    'A commit of the log tries again for so long before it says that it failed',
  ),
  walRecoveryBytes: bound(
    'walRecoveryBytes',
    'bytes',
    0,
    TiB,
    'What is read back of earlier logs at start is kept in memory up to here; more is read twice',
  ),
  walStrayMs: bound('walStrayMs', 'ms', 0, HOUR_MS, 'The log of a core that was taken over is listened to for so long'),
  walTimeoutMs: bound(
    'walTimeoutMs',
    'ms',
    1_000,
    HOUR_MS,
    'The start of a core fails if RocketMQ is silent for so long',
  ),
  bridgeQueueBytes: bound(
    'bridgeQueueBytes',
    'bytes',
    65_536,
    TiB,
    'Waiting for RocketMQ by `bridge.out`, QoS ≥ 1; beyond it publishers are read no further',
  ),
  bridgeQos0Bytes: bound(
    'bridgeQos0Bytes',
    'bytes',
    0,
    TiB,
    'Waiting for RocketMQ by `bridge.out`, QoS 0; beyond it dropped',
  ),
  bridgeInFlight: bound(
    'bridgeInFlight',
    'messages',
    1,
    UINT16,
    'Being sent to RocketMQ at once per `bridge.out` rule',
  ),
  bridgeInMessages: bound(
    'bridgeInMessages',
    'messages',
    1,
    UINT16,
    'Received from RocketMQ and not acknowledged yet per `bridge.in` rule',
  ),
  shutdownMs: bound('shutdownMs', 'ms', 0, HOUR_MS, 'After SIGTERM: time to tell clients and flush queues'),
  authFailuresPerMinute: bound(
    'authFailuresPerMinute',
    'failures/min',
    1,
    MILLIONS,
    'Failed authentications of one address before further attempts are refused unchecked',
  ),
}) satisfies z.ZodType<Limits>
