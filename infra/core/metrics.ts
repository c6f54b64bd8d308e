/** The Prometheus metrics of the core: what each of its counters means. */
import type { Registry } from 'prom-client'
import type { CoreStats } from '../../core/stats.ts'
import { registerStats } from '../metrics.ts'

/** Every counter of `CoreStats` has its meaning here; a new one without does not compile. */
const HELP: Readonly<Record<keyof CoreStats, string>> = {
  nowSessions: 'Sessions, connected or not',
  nowOnline: 'Sessions with a connection',
  nowSubscriptions: 'Subscriptions of all sessions',
  nowRetained: 'Retained messages',
  nowRetainedBytes: 'Bytes of the retained messages',
  nowTombstones: 'Topics whose retained message was removed, remembered because of other sites',
  nowInboxMessages: 'Messages that wait for sessions that are offline or slow',
  nowInboxBytes: 'Bytes of the messages that wait in inboxes',
  nowLogEnvelopes: 'Envelopes in the log that something still waits for',
  nowPendingBytes: 'Bytes accepted, but neither durable nor routed yet',
  nowCachedTopics: 'Topics whose receivers the core remembers, those that nobody wants included',
  nowPeers: 'Other sites that are linked',
  nowExportedFilters: 'Distinct filters that other sites are asked for',
  nowWaitingForSites: 'Messages that wait here for other sites',
  nowPeerWaitingBytes: 'Bytes from other sites that are not durable here yet',
  nowRelayedIds: 'Messages from other sites that would be known if they came again',
  relayedOut: 'Messages handed to other sites, or stored for them',
  relayedIn: 'Messages from other sites',
  relayedTwice: 'Messages from other sites that had come before',
  claims: 'Sessions claimed by a CONNECT',
  claimsRefused: 'Claims refused',
  takeovers: 'Claims of a session that was connected elsewhere',
  sessionsExpired: 'Sessions that ended by their expiry interval',
  published: 'Messages routed',
  unmatched: 'Messages that matched no subscription',
  handedToEdges: 'Messages handed to an edge',
  logRecords: 'Records appended to the log',
  logBytes: 'Bytes appended to the log',
  commits: 'Commits of log and state',
  commitFailures: 'Commits that failed and were tried again',
  inboxAppended: 'Messages stored in inboxes',
  inboxDropped: 'Messages dropped because an inbox was full',
  inboxExpired: 'Messages dropped from inboxes because they expired',
  retainedRefused: 'Messages not retained because of a limit',
  retainedExpired: 'Retained messages removed because they expired',
  retainedStale: 'Retained messages that came after a newer one of their topic',
  willsPublished: 'Wills published',
  willsForOthers: 'Wills published for clients of other sites that are dead',
  nowSitesDead: 'Other sites that are dead',
  nowWillsOfDead: 'Wills of clients of dead sites that are not due yet, or being published',
  willsHeld: 'Wills held back because an edge sent their clients away, in case they come back',
  sessionsBrought: 'Sessions that came over from another site',
  sessionsTaken: 'Sessions gone on with from the record of another site, because it did not answer',
  messagesLate: 'Messages of such sessions that came when that site was back',
  recovered: 'Messages found in the log at start that a session still needed',
  heldTooLong: 'Sessions whose un-acked state was stored because it held the log for too long',
}

export const registerCoreMetrics = (registry: Registry, stats: CoreStats): void =>
  registerStats(registry, 'meridian_core', stats, HELP)
