/** What a bridge to another messaging system and the engine ask of each other. Knows neither the other system nor how the engine keeps its promises. */
import type { Message, MessageInit } from '../contract/message.ts'

/**
 * Sees every message that the engine routes, in that order. The engine treats a tap like an edge that never leaves: in
 * `Router.route`, before or after the edges, one call per message; what it answers counts like `EdgePort.deliver`.
 *
 * At recovery the engine offers each message of QoS ≥ 1 that is in the log again, in the order of the log, and keeps the
 * log from the first one that the tap holds. So nothing is lost, and what was under way comes twice.
 */
export interface Tap {
  /**
   * True: the tap holds the message, and `TapHost.tapped` with the same object follows once, never inside this call. Until
   * then the log keeps it. False: nothing is to be waited for (nobody wants it, or QoS 0). Never throws; a message that it
   * keeps beyond the call is compacted by the tap.
   */
  offer(message: Message): boolean
}

/** The engine, as a bridge sees it. `Core` is one. */
export interface TapHost {
  /** The tap needs the message no more: the same as `CoreLink.delivered`. */
  tapped(message: Message): void
  /** True: edges read no further from publishers, as if the log were behind; false ends it. Called on a change only. */
  congest(on: boolean): void
  /** A message from outside. `done` once it is routed and, with QoS ≥ 1, durable: in the order of the calls, never inside the call, and never if the engine closes first. */
  publish(init: MessageInit, done: () => void): void
}
