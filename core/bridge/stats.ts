/** Counters of a bridge as plain numbers, and its events. Counts up from the start of the process, but for `now…`, which go both ways. Owns no export format. */

export class BridgeStats {
  /** Messages that wait to be sent or are under way, one per rule that wants them. */
  nowOutWaiting = 0
  nowOutWaitingBytes = 0
  nowOutInFlight = 0
  outSent = 0
  /** Sends that failed and are tried again. */
  outRetries = 0
  /** Sent to a dead-letter topic. */
  outDeadLettered = 0
  /** QoS ≥ 1, given up without a dead-letter topic that takes them. */
  outLost = 0
  /** QoS 0, because the queue was full or the one attempt failed. */
  outDropped = 0
  /** How often publishers had to wait because too much was not sent yet. */
  outCongestions = 0
  /** Received and not settled yet. */
  nowInUnsettled = 0
  inReceived = 0
  inPublished = 0
  /** Not published because their expiry had passed. */
  inExpired = 0
  /** No valid MQTT message by its rule: sent to the dead-letter queue of the consumer group. */
  inRefused = 0
  /** Receiving, acknowledging or refusing failed; RocketMQ delivers again. */
  inFailures = 0
}

/** Things worth a log line. `rule` is the key of the rule in the configuration, as `bridge.out[0]`. */
export type BridgeEvent =
  | { readonly is: 'bridge-dead-lettered'; readonly rule: string; readonly topic: string; readonly detail: string }
  | { readonly is: 'bridge-lost'; readonly rule: string; readonly topic: string; readonly detail: string }
  | { readonly is: 'bridge-refused'; readonly rule: string; readonly id: string; readonly detail: string }
  | { readonly is: 'bridge-failing'; readonly rule: string; readonly detail: string }
  | { readonly is: 'bridge-recovered'; readonly rule: string }

export type BridgeEvents = (event: BridgeEvent) => void
