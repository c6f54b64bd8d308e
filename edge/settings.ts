/** Behaviour of an edge that is a choice and not a bound (bounds: `core/contract/limits.ts`). */

export type ShareStrategy = 'round-robin' | 'random' | 'sticky' | 'hash-client' | 'hash-topic'

export interface EdgeSettings {
  readonly sharedStrategy: ShareStrategy
  /** Which message of a full queue goes. */
  readonly dropPolicy: 'oldest' | 'newest'
  /** A connected session without expiry whose queue is full: drop a message, or disconnect it with 0x97. */
  readonly slowConsumer: 'queue' | 'disconnect'
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
  checkPayloadFormat: false,
  retainAvailable: true,
  wildcardAvailable: true,
  sharedAvailable: true,
  subscriptionIdAvailable: true,
  responseInformation: undefined,
}
