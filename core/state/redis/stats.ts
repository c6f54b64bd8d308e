/** Figures of everything that goes to one Redis. Plain data; its users count. */

export interface RedisStats {
  /** Scripts called, those that failed, and those whose text had to be sent. */
  calls: number
  failures: number
  scriptLoads: number
  /** Commits of the state, those that failed, and the bytes they sent. */
  commits: number
  commitFailures: number
  commitBytes: number
  /** Redis was found to have lost writes it had acknowledged. */
  rollbacks: number
  /** Staged and not yet durable: sessions and topics, and their bytes. */
  nowStaged: number
  nowStagedBytes: number
  /** Claims that the directory has not answered; clients of whom it has still to be told something; and what it was not told because there were too many. */
  nowDirectoryClaims: number
  nowDirectoryWaiting: number
  directoryDropped: number
}

export const newRedisStats = (): RedisStats => ({
  calls: 0,
  failures: 0,
  scriptLoads: 0,
  commits: 0,
  commitFailures: 0,
  commitBytes: 0,
  rollbacks: 0,
  nowStaged: 0,
  nowStagedBytes: 0,
  nowDirectoryClaims: 0,
  nowDirectoryWaiting: 0,
  directoryDropped: 0,
})
