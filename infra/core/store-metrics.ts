/** Metrics of what a core on RocketMQ and Redis keeps things in: what each counter means. */
import type { Registry } from 'prom-client'
import { BRIDGE_STATS_HELP, BridgeStats } from '../../core/bridge/stats.ts'
import { InboxStoreStats } from '../../core/log/rocketmq/inbox-stats.ts'
import { WalStats } from '../../core/log/rocketmq/wal-stats.ts'
import { newRedisStats, type RedisStats } from '../../core/state/redis/stats.ts'
import { registerStats } from '../metrics.ts'

/** A counter without its meaning does not compile. */
const WAL: Readonly<Record<keyof WalStats, string>> = {
  appends: 'Messages appended to the log in RocketMQ',
  appendBytes: 'Bytes appended to the log in RocketMQ',
  appendMs: 'Milliseconds that appends to the log took, all together',
  appendRetries: 'Attempts to append to the log after a first one that failed',
  appendFailures: 'Commits of the log that were given up for the moment',
  nowPendingBytes: 'Bytes given to RocketMQ and not acknowledged by it',
  recoveredEnvelopes: 'Envelopes read back at start',
  recoveredBytes: 'Bytes read back at start',
  nowRecoveryBytes: 'Bytes of what was read back that are in memory',
  duplicates: 'Envelopes that were there twice and taken once',
  gaps: 'Positions missing between two envelopes: something acknowledged may be lost',
  strays: 'Envelopes that a core appended after its log had been taken over',
  nowUnfinished: 'Logs of earlier cores that are not finished',
  markFailures: 'Marks of the log that Redis did not take',
}

const INBOXES: Readonly<Record<keyof InboxStoreStats, string>> = {
  appends: 'Chunks appended to inboxes in RocketMQ',
  appendFailures: 'Appends to inboxes that failed and are tried again',
  nowAppends: 'Appends to inboxes under way',
  nowAppendWindow: 'Appends that may be under way at once; fewer after failures',
  nowWaitingEntries: 'Messages for inboxes that RocketMQ does not have yet',
  nowWaitingBytes: 'Bytes of the messages that RocketMQ does not have yet',
  nowIndexedEntries: 'Messages in inboxes whose place is remembered',
  nowCachedBytes: 'Bytes of inboxes in memory though RocketMQ has them',
  nowInboxes: 'Inboxes known',
  nowDrains: 'Inboxes that are being read back',
  nowDrainsWaiting: 'Inboxes that wait to be read back',
  drains: 'Inboxes read back',
  drainFailures: 'Reads of an inbox that failed and are tried again',
  chunksRead: 'Chunks read back',
  chunksSkipped: 'Chunks read back that were known or not needed',
  chunksUnreadable: 'Chunks that cannot be read',
  seals: 'Seals appended to find the end of an inbox',
  entriesLost: 'Messages that RocketMQ had and does not have any more',
}

const REDIS: Readonly<Record<keyof RedisStats, string>> = {
  calls: 'Scripts called',
  failures: 'Scripts that failed, or did not answer in time',
  scriptLoads: 'Scripts whose text had to be sent',
  commits: 'Commits of the state',
  commitFailures: 'Commits of the state that failed and are tried again',
  commitBytes: 'Bytes sent by commits of the state',
  rollbacks: 'Times that Redis was found to have lost acknowledged writes',
  nowStaged: 'Sessions and retained topics that wait for a commit',
  nowStagedBytes: 'Bytes that wait for a commit',
  nowDirectoryClaims: 'Claims that wait for the directory of several sites',
  nowDirectoryWaiting: 'Clients of whom the directory has still to be told something',
  directoryDropped: 'What the directory was not told because too much waited',
}

export class ApartStats {
  readonly wal = new WalStats()
  readonly inboxes = new InboxStoreStats()
  readonly redis = newRedisStats()
  readonly bridge = new BridgeStats()

  register(registry: Registry): void {
    registerStats(registry, 'meridian_wal', this.wal, WAL)
    registerStats(registry, 'meridian_inboxes', this.inboxes, INBOXES)
    registerStats(registry, 'meridian_redis', this.redis, REDIS)
    registerStats(registry, 'meridian_bridge', this.bridge, BRIDGE_STATS_HELP)
  }
}
