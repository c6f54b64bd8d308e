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
  /** Acknowledging or refusing failed; if it stays so, RocketMQ delivers again. */
  inFailures = 0
}

/** What each counter means, for who exports them; a new one without does not compile. */
export const BRIDGE_STATS_HELP: Readonly<Record<keyof BridgeStats, string>> = {
  nowOutWaiting: 'Messages that wait to be sent to RocketMQ or are under way, one per rule that wants them',
  nowOutWaitingBytes: 'Bytes of these messages',
  nowOutInFlight: 'Messages being sent to RocketMQ, or waiting to be tried again',
  outSent: 'Messages sent to RocketMQ',
  outRetries: 'Sends that failed and were tried again',
  outDeadLettered: 'Messages sent to a dead-letter topic',
  outLost: 'Messages of QoS 1 and 2 given up without a dead-letter topic that took them',
  outDropped: 'Messages of QoS 0 dropped because the queue was full or their one attempt failed',
  outCongestions: 'How often publishers were held back because too much waited for RocketMQ',
  nowInUnsettled: 'Messages received from RocketMQ and not acknowledged yet',
  inReceived: 'Messages received from RocketMQ',
  inPublished: 'Messages from RocketMQ published',
  inExpired: 'Messages from RocketMQ not published because they had expired',
  inRefused: 'Messages from RocketMQ that could be no MQTT message, sent to the dead-letter queue of their group',
  inFailures: 'Acknowledgements and refusals that RocketMQ did not take; it delivers again',
}

/** Things worth a log line. `rule` is the key of the rule in the configuration, as `bridge.out[0]`. */
export type BridgeEvent =
  | { readonly is: 'bridge-dead-lettered'; readonly rule: string; readonly topic: string; readonly detail: string }
  | { readonly is: 'bridge-lost'; readonly rule: string; readonly topic: string; readonly detail: string }
  | { readonly is: 'bridge-refused'; readonly rule: string; readonly id: string; readonly detail: string }
  | { readonly is: 'bridge-failing'; readonly rule: string; readonly detail: string }
  | { readonly is: 'bridge-recovered'; readonly rule: string }

export type BridgeEvents = (event: BridgeEvent) => void
