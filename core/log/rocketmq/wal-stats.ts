/** Counters of one log on RocketMQ as plain numbers. They count up, but for `now…`. */
export class WalStats {
  /** Messages of RocketMQ that were appended, their bytes, and how long each took in all. */
  appends = 0
  appendBytes = 0
  appendMs = 0
  /** Attempts after a first one that failed. */
  appendRetries = 0
  /** Commits that were given up for now. */
  appendFailures = 0
  /** Not yet acknowledged by RocketMQ. */
  nowPendingBytes = 0
  /** Read back at start, and how much of it is in memory. */
  recoveredEnvelopes = 0
  recoveredBytes = 0
  nowRecoveryBytes = 0
  /** Envelopes that were read twice and taken once. */
  duplicates = 0
  /** Positions that are missing between two envelopes: something acknowledged may be lost. */
  gaps = 0
  /** Envelopes that a core appended after its log had been taken over. */
  strays = 0
  /** Logs of earlier cores that are not finished. */
  nowUnfinished = 0
  markFailures = 0
}
