/** Behaviour of an edge that is a choice and not a bound (bounds: `core/contract/limits.ts`). */
import { Reason } from './wire/reason.ts'

export type ShareStrategy = 'round-robin' | 'random' | 'sticky' | 'hash-client' | 'hash-topic'

export interface EdgeSettings {
  readonly sharedStrategy: ShareStrategy
  /** Which message of a full queue goes. */
  readonly dropPolicy: 'oldest' | 'newest'
  /** A connected session without expiry whose queue is full: drop a message, or disconnect it with 0x97. */
  readonly slowConsumer: 'queue' | 'disconnect'
  /** What a 5.0 client is told that lacks the right to publish or subscribe: 0x87, or 0x80 like a 3.1.1 client. */
  readonly deniedReason: 'not-authorized' | 'unspecified'
  /** Payload Format Indicator 1: check that the payload is UTF-8 (0x99). */
  readonly checkPayloadFormat: boolean
  readonly retainAvailable: boolean
  readonly wildcardAvailable: boolean
  readonly sharedAvailable: boolean
  readonly subscriptionIdAvailable: boolean
  /** Prefix returned as Response Information, with the client id behind it; undefined: none is returned. */
  readonly responseInformation: string | undefined
}

export const DEFAULT_SETTINGS: EdgeSettings = {
  sharedStrategy: 'round-robin',
  dropPolicy: 'oldest',
  slowConsumer: 'queue',
  deniedReason: 'not-authorized',
  checkPayloadFormat: false,
  retainAvailable: true,
  wildcardAvailable: true,
  sharedAvailable: true,
  subscriptionIdAvailable: true,
  responseInformation: undefined,
}

/** `reason` as PUBACK, PUBREC and SUBACK say it. */
export const answered = ({ deniedReason }: EdgeSettings, reason: number): number =>
  reason === Reason.NotAuthorized && deniedReason === 'unspecified' ? Reason.UnspecifiedError : reason
