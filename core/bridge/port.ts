/** What a bridge, the engine and the other messaging system ask of each other. Knows neither that system nor how the engine keeps its promises. */
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

/** A message of the other system that is to be sent. */
export interface Outgoing {
  readonly topic: string
  readonly body: Uint8Array
  readonly tag: string | undefined
  readonly keys: readonly string[]
  readonly properties: ReadonlyMap<string, string>
  /** Messages of one group are kept in order; undefined: no order is asked for. */
  readonly group: string | undefined
}

/** A message that came from the other system. */
export interface Incoming {
  readonly id: string
  readonly topic: string
  readonly body: Uint8Array
  readonly tag: string | undefined
  readonly keys: readonly string[]
  readonly properties: ReadonlyMap<string, string>
  readonly group: string | undefined
}

export interface Sender {
  /** Resolves when the other system has it. Rejects with a `SendFailure`; anything else counts as 'failed'. */
  send(message: Outgoing): Promise<void>
}

/**
 * Why a message was not sent. 'refused': it never will be (too large, a name that is not allowed). 'unavailable': the
 * system as a whole does not answer; waiting helps and does not count as an attempt. 'missing': its topic is not known, for
 * good or because those that have it are away. 'failed': everything else.
 */
export class SendFailure extends Error {
  override readonly name = 'SendFailure'
  readonly kind: 'refused' | 'unavailable' | 'missing' | 'failed'

  constructor(kind: SendFailure['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}
