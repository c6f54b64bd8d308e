/** Counters of one core as plain numbers, and its events. Counts up from the start of the process, but for `now…`, which go both ways. Owns no export format. */

export class CoreStats {
  nowSessions = 0
  nowOnline = 0
  nowSubscriptions = 0
  nowRetained = 0
  nowRetainedBytes = 0
  nowTombstones = 0
  nowInboxMessages = 0
  nowInboxBytes = 0
  /** Envelopes in the log that something still waits for. */
  nowLogEnvelopes = 0
  /** Accepted, but neither durable nor routed yet. Bytes. */
  nowPendingBytes = 0
  /** Topics whose receivers are remembered, also those that nobody wants. */
  nowCachedTopics = 0
  /** Other sites that are linked; filters they were asked for; what waits here for them, and what came from them and is not durable here. */
  nowPeers = 0
  nowExportedFilters = 0
  nowWaitingForSites = 0
  nowPeerWaitingBytes = 0
  /** Identities of messages from other sites that are remembered. */
  nowRelayedIds = 0
  /** What edges said of QoS 2 messages that they had sent while they had another core. */
  nowRecalled = 0
  /** Clients who would not get what waits here for other sites once more if they came back. */
  nowLeft = 0
  /** Messages to and from other sites; those that came again. */
  relayedOut = 0
  relayedIn = 0
  relayedTwice = 0
  claims = 0
  claimsRefused = 0
  takeovers = 0
  sessionsExpired = 0
  published = 0
  unmatched = 0
  /** Calls of `EdgePort.deliver`. */
  handedToEdges = 0
  logRecords = 0
  logBytes = 0
  commits = 0
  commitFailures = 0
  inboxAppended = 0
  inboxDropped = 0
  inboxExpired = 0
  retainedRefused = 0
  retainedExpired = 0
  /** A newer one of the topic was known, from this site or another. */
  retainedStale = 0
  willsPublished = 0
  /** Of clients of other sites that are dead. Counted in `willsPublished` too. */
  willsForOthers = 0
  nowSitesDead = 0
  /** Wills of clients of dead sites that are not due yet, or being published. */
  nowWillsOfDead = 0
  willsHeld = 0
  /** Sessions that came over from another site, and those that were gone on with from its record because it did not answer. */
  sessionsBrought = 0
  sessionsTaken = 0
  /** Sessions on their way here, and those that other sites still have something of. */
  nowSessionsBrought = 0
  nowSessionsOwed = 0
  /** Messages for one client that wait until the directory has said where it lives. */
  nowDirectWaiting = 0
  /** Messages of such sessions that came later. */
  messagesLate = 0
  /** Messages found in the log at start that a session still needed. */
  recovered = 0
  /** Sessions whose un-acked state was stored because it held the log for too long. */
  heldTooLong = 0
}

/** Things worth a log line or a rule. */
export type CoreEvent =
  | { readonly is: 'inbox-dropped'; readonly client: string; readonly topic: string; readonly why: 'full' | 'expired' }
  | { readonly is: 'retained-refused'; readonly topic: string; readonly why: 'payload' | 'count' | 'bytes' }
  | { readonly is: 'session-expired'; readonly client: string }
  | { readonly is: 'session-taken'; readonly client: string; readonly site: string }
  | { readonly is: 'will-published'; readonly client: string; readonly topic: string }
  | { readonly is: 'site-dead' | 'site-back'; readonly site: string }
  | { readonly is: 'commit-failed'; readonly detail: string; readonly retryMs: number }
  | { readonly is: 'commit-recovered' }
  | { readonly is: 'recovered'; readonly sessions: number; readonly retained: number; readonly messages: number }

export type CoreEvents = (event: CoreEvent) => void
