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
})
