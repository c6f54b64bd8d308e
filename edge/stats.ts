/** Counters of one edge as plain numbers (cheap on the hot path); `edge/http/metrics.ts` exports each with its meaning. All count up from the start of the process, but for `now…`, which go both ways. */

/** Count by MQTT 5 reason code, which is the index: as many as there are codes, whatever happens. */
const byReason = (): Float64Array => new Float64Array(256)

export class EdgeStats {
  nowConnections = 0
  nowSessions = 0
  nowSubscriptions = 0
  nowInflight = 0
  nowQueuedMessages = 0
  nowQueuedBytes = 0
  nowTopicAliases = 0
  nowCachedTopics = 0
  /** 1 while clients are sent away. */
  nowDraining = 0
  nowClaims = 0
  nowClaimsWaiting = 0
  accepted = 0
  acceptDelayed = 0
  acceptRefused = 0
  connectsOk = 0
  connectsRefused = 0
  connectTimeouts = 0
  keepAliveTimeouts = 0
  takeovers = 0
  readonly refusedBy = byReason()
  readonly closedBy = byReason()
  slowClosed = 0
  sentAway = 0
  claimsShed = 0
  pubrelUnanswered = 0
  authFailures = 0
  authBlocked = 0
  malformed = 0
  packetsTooLarge = 0
  bytesIn = 0
  bytesOut = 0
  packetsIn = 0
  packetsOut = 0
  publishesIn0 = 0
  publishesIn1 = 0
  publishesIn2 = 0
  deliveries0 = 0
  deliveries1 = 0
  deliveries2 = 0
  retransmissions = 0
  publishRefused = 0
  subscribeRefused = 0
  droppedSlowQos0 = 0
  droppedQueueFull = 0
  droppedTooLarge = 0
  droppedExpired = 0
  droppedNotAllowed = 0
  shareRedispatched = 0
  readPauses = 0
  failures = 0
}

/** Things worth a log line or a rule; never per message on the hot path but for drops. */
export type EdgeEvent =
  | {
      readonly is: 'connected'
      readonly client: string
      readonly address: string
      readonly version: number
      readonly username: string | undefined
    }
  | {
      readonly is: 'refused'
      /** As CONNECT says it: nobody has checked it. */
      readonly clientId: string
      readonly address: string
      readonly reason: number
      readonly detail: string
    }
  | { readonly is: 'disconnected'; readonly client: string; readonly reason: number; readonly detail: string }
  | {
      readonly is: 'malformed'
      readonly client: string
      readonly address: string
      readonly reason: number
      readonly detail: string
    }
  | {
      readonly is: 'dropped'
      readonly client: string
      readonly topic: string
      readonly why: 'slow' | 'queue-full' | 'too-large' | 'expired' | 'not-allowed'
    }
  | { readonly is: 'taken-over'; readonly client: string }
  /** An error of ours: its connection was closed with 0x80. */
  | { readonly is: 'failed'; readonly client: string; readonly address: string; readonly detail: string }

export type EdgeEvents = (event: EdgeEvent) => void
