/** Every bound of edge and core: unit in the name, default here, a metric beside each (`edge/stats.ts`). Configuration overrides by the same names. */

export interface Limits {
  /** A connection must have sent its whole CONNECT by then. */
  connectTimeoutMs: number
  /** Connections accepted per second, and how many at once after quiet. Beyond it they wait in line (`edge/listen/accept-limit.ts`). */
  acceptPerSecond: number
  acceptBurst: number
  maxConnections: number
  /** Largest CONNECT, and largest packet behind it. Checked at the fixed header, before buffering. */
  maxConnectPacketBytes: number
  maxPacketBytes: number
  maxClientIdBytes: number
  maxTopicBytes: number
  maxTopicLevels: number
  maxSubscriptionsPerSession: number
  maxFiltersPerSubscribe: number
  /** Server Keep Alive: a longer (or no) keep alive is replaced by it; 0 leaves the client's. Seconds. */
  maxKeepAliveSec: number
  /** Session Expiry Interval granted at most. Seconds. */
  maxSessionExpirySec: number
  /** Expiry of a 3.1.1 session with clean session 0 (the packet has none). Seconds. */
  defaultSessionExpirySec: number
  maxQos: 0 | 1 | 2
  /** Inbound QoS ≥ 1 messages without answer (Receive Maximum in CONNACK). What they may cost is bounded by `logPendingBytes`; widely used clients do not hold back at a lower one. */
  receiveMaximum: number
  /** Outbound QoS ≥ 1 messages in flight, at most (the client's Receive Maximum may be lower). */
  maxInflight: number
  /** Topic Alias Maximum granted to clients, and used towards clients at most. */
  topicAliasMaximum: number
  maxOutboundTopicAliases: number
  /** Waiting messages in memory of a connected session, behind the window. A persistent session spools beyond it. */
  sessionQueueMessages: number
  sessionQueueBytes: number
  /** Bytes waiting for one socket; QoS 0 beyond it is dropped. */
  connectionOutBytes: number
  connectionOutMessages: number
  /** The inbox of one offline (or slow) persistent session. */
  inboxMessages: number
  inboxBytes: number
  inboxAgeSec: number
  /** Un-acked messages of a persistent session are saved after this long, so that the log can be trimmed. */
  watermarkHoldMs: number
  /** Accepted but not yet durable: reading from publishers pauses beyond it. */
  logPendingBytes: number
  /** Bytes queued for all connections together: reading from publishers pauses beyond it. */
  memoryBytes: number
  retainedMessages: number
  retainedBytes: number
  retainedPayloadBytes: number
  sessions: number
  routeCacheTopics: number
  retainedPageMessages: number
  drainPageMessages: number
  /** Under load: least time between two turns, so that each reads more sockets. 0: none. */
  turnGapMs: number
  /** Sent over a link and not acknowledged by its other end. Beyond it publishers are read no further; for an edge that does not keep up, a core drops QoS 0 from half of it. */
  linkUnackedBytes: number
  /** What one call may carry over a link: everything a session hands over. */
  linkRecordBytes: number
  /** A core keeps what belongs to an edge for this long after its link broke. */
  linkGraceMs: number
  /** Something is heard over a link at least this often; three times without is its end. */
  linkHeartbeatMs: number
  /** An edge closes its connections when it has had no core for this long. */
  linkLostMs: number
  /** An edge that takes nothing for this long while `linkUnackedBytes` wait for it counts as dead. */
  linkStalledMs: number
  /** Edges at one core. */
  maxLinks: number
  /** An edge with cores of several sites asks each so often whether it is active, and how far away. */
  siteProbeMs: number
  /** Another site must have been the better one for so long, and up to twice as long by chance, before an edge moves there. */
  siteFailbackMs: number
  /** Another site whose lease has been over for so long is dead. */
  siteGraceMs: number
  /** Claims that wait for the directory; and clients of whom it is to be told something when it can be reached again, or whom other sites have claimed within a minute. */
  directoryClaims: number
  directoryWrites: number
  /** Of a retained message that was removed its stamp is kept, for so many topics and as long as an inbox: with several sites. */
  retainedTombstones: number
  /** What waits here for one other site, instead of the bounds of a device's inbox. */
  siteInboxMessages: number
  siteInboxBytes: number
  /** What waited for this site at another one is read in pages of so many messages. */
  peerPageMessages: number
  /** From one other site and not durable here yet: beyond it that site keeps the rest. */
  peerWaitingBytes: number
  /** Another site has so long to answer for a session (which its own edge may keep for `linkGraceMs` after its link broke); to take up a filter before SUBACK goes without it; to search what waits there. */
  peerCallMs: number
  peerSettleMs: number
  /** After a core of another site has said good-bye its sessions wait so long for the next one before they go on from their records. */
  peerReturnMs: number
  peerSiftMs: number
  /** Identities of messages from other sites that are remembered, so that none is routed twice. */
  relayedIds: number
  /** QoS 2 messages that went out last and of which an edge tells the next core how far they came. */
  sentIds: number
  /** A message of RocketMQ that holds a part of the log is ended when it has so many bytes. */
  walBodyBytes: number
  /** A commit of the log tries again for so long before it says that it failed. */
  walRetryMs: number
  /** What is read back of earlier logs at start is kept in memory up to here; more is read twice. */
  walRecoveryBytes: number
  /** A log that was taken over is listened to for so long. */
  walStrayMs: number
  /** The start fails if RocketMQ is silent for so long. */
  walTimeoutMs: number
  /** Inboxes in RocketMQ. Chunks being appended at once; a chunk ends at the message that goes beyond its bound. */
  inboxAppends: number
  inboxChunkBytes: number
  /** Not durable yet: beyond it publishers are read no further. */
  inboxWaitingBytes: number
  /** Messages whose place is remembered; the tail of a longer inbox is read back to be known. */
  inboxIndexedMessages: number
  /** Durable messages in memory: of all inboxes, and of one. */
  inboxCacheBytes: number
  inboxCacheBytesEach: number
  /** Inboxes that are read back at once. */
  inboxDrains: number
  /** Waiting to be sent to RocketMQ by a bridge. QoS ≥ 1: beyond it publishers are read no further. QoS 0: dropped. */
  bridgeQueueBytes: number
  bridgeQos0Bytes: number
  /** Being sent at once, or waiting to be tried again, per `bridge.out` rule. */
  bridgeInFlight: number
  /** Received from RocketMQ and not acknowledged yet, per `bridge.in` rule. */
  bridgeInMessages: number
  /** Another region with a `health` URL is asked this often whether it is ready, and has so long to answer. */
  regionHealthMs: number
  /** Claims that an edge has under way at the core, and CONNECTs that wait behind them. Beyond both they are refused (0x9F). */
  claimsInFlight: number
  claimsWaiting: number
  /** Clients that a draining edge sends away per second; more, if it would take longer than `drainMs` otherwise. */
  drainClientsPerSec: number
  drainMs: number
  /** The will of a client that an edge sent away waits for it for so long. */
  drainWillHoldMs: number
  /** SIGTERM: time to tell clients and flush. */
  shutdownMs: number
  /** Failed authentications of one address per minute before it is refused at once. */
  authFailuresPerMinute: number
}

const MiB = 1024 * 1024
const THIRTY_DAYS_SEC = 30 * 24 * 3600

export const DEFAULT_LIMITS: Limits = {
  connectTimeoutMs: 10_000,
  acceptPerSecond: 20_000,
  acceptBurst: 20_000,
  maxConnections: 1_000_000,
  maxConnectPacketBytes: 64 * 1024,
  maxPacketBytes: 1 * MiB,
  maxClientIdBytes: 256,
  maxTopicBytes: 4096,
  maxTopicLevels: 128,
  maxSubscriptionsPerSession: 10_000,
  maxFiltersPerSubscribe: 1_000,
  maxKeepAliveSec: 0,
  maxSessionExpirySec: THIRTY_DAYS_SEC,
  defaultSessionExpirySec: THIRTY_DAYS_SEC,
  maxQos: 2,
  receiveMaximum: 65_535,
  maxInflight: 1024,
  topicAliasMaximum: 64,
  maxOutboundTopicAliases: 64,
  sessionQueueMessages: 50_000,
  sessionQueueBytes: 16 * MiB,
  connectionOutBytes: 8 * MiB,
  connectionOutMessages: 20_000,
  inboxMessages: 10_000,
  inboxBytes: 64 * MiB,
  inboxAgeSec: 72 * 3600,
  watermarkHoldMs: 5_000,
  logPendingBytes: 64 * MiB,
  memoryBytes: 1024 * MiB,
  retainedMessages: 1_000_000,
  retainedBytes: 1024 * MiB,
  retainedPayloadBytes: 1 * MiB,
  sessions: 1_000_000,
  routeCacheTopics: 50_000,
  retainedPageMessages: 256,
  drainPageMessages: 256,
  turnGapMs: 2,
  linkUnackedBytes: 16 * MiB,
  linkRecordBytes: 256 * MiB,
  linkGraceMs: 2_000,
  linkHeartbeatMs: 1_000,
  linkLostMs: 10_000,
  linkStalledMs: 5_000,
  maxLinks: 4_096,
  siteProbeMs: 10_000,
  siteFailbackMs: 30_000,
  siteGraceMs: 3_000,
  directoryClaims: 65_536,
  directoryWrites: 100_000,
  retainedTombstones: 100_000,
  siteInboxMessages: 10_000_000,
  siteInboxBytes: 8 * 1024 * MiB,
  peerPageMessages: 2_048,
  peerWaitingBytes: 64 * MiB,
  peerCallMs: 3_000,
  peerReturnMs: 6_000,
  peerSettleMs: 300,
  peerSiftMs: 10_000,
  relayedIds: 500_000,
  sentIds: 16_384,
  walBodyBytes: 1 * MiB,
  walRetryMs: 5_000,
  walRecoveryBytes: 256 * MiB,
  walStrayMs: 30_000,
  walTimeoutMs: 60_000,
  inboxAppends: 128,
  inboxChunkBytes: 256 * 1024,
  inboxWaitingBytes: 64 * MiB,
  inboxIndexedMessages: 1_000_000,
  inboxCacheBytes: 128 * MiB,
  inboxCacheBytesEach: 1 * MiB,
  inboxDrains: 256,
  bridgeQueueBytes: 64 * MiB,
  bridgeQos0Bytes: 16 * MiB,
  bridgeInFlight: 64,
  bridgeInMessages: 512,
  regionHealthMs: 2_000,
  claimsInFlight: 1_024,
  claimsWaiting: 16_384,
  drainClientsPerSec: 200,
  drainMs: 60_000,
  drainWillHoldMs: 30_000,
  shutdownMs: 10_000,
  authFailuresPerMinute: 60,
}
