/** Every bound and time of the SDK, with its unit in the name and its default. `connect({ limits })` overrides by the same names; `Device.stats()` shows how full things are. */

export interface DeviceLimits {
  /** A PINGREQ goes out this long after the last one was answered. */
  pingIntervalMs: number
  /** Nothing at all came for this long since the PINGREQ: the connection is dead. */
  pingTimeoutMs: number
  /** Uploads are taken to be at least this fast: a PINGREQ behind long messages has so much more time. */
  uplinkBytesPerSec: number
  /** From dialling to CONNACK. */
  connectTimeoutMs: number
  /** A TCP or WebSocket connection that measures the round trip must be open by then. */
  probeTimeoutMs: number
  /** Other endpoints may answer this much later than the first one and still be compared with it. */
  probeSettleMs: number
  /** Back-off of an endpoint after its first failure; it doubles with each further one, and the wait is drawn from 0 to it (full jitter). */
  backoffBaseMs: number
  backoffMaxMs: number
  /** A connection that the other side ended is followed by a wait drawn from 0 to this, so that a crowd does not come back at once. */
  scatterMs: number
  /** A connection that lasted this long closes the circuit of its endpoint again. */
  stableMs: number
  /** An endpoint that stopped answering or sent us away is chosen only if there is no other, for this long. */
  avoidMs: number
  /** How often a connected device looks for a better region; drawn from half of it to one and a half. */
  reviewMs: number
  /** So many reviews in a row must find the same region better before the device goes there. */
  reviewRounds: number
  /** A region is better if its score is lower by this share (0 to 1) and by `hysteresisMs`. */
  hysteresis: number
  hysteresisMs: number
  /** Before a planned move the other region must answer a CONNECT (of the client id with `-knock`) within this; 0: it is not asked. */
  knockTimeoutMs: number
  /** A planned move waits this long for acknowledgements that are on their way. */
  quiesceMs: number
  /** Server References that are followed within `referenceWindowMs`; more are taken for a loop. */
  referenceHops: number
  referenceWindowMs: number
  /** How often discovery documents are read again; drawn from half of it to one and a half. */
  discoveryRefreshMs: number
  discoveryTimeoutMs: number
  discoveryMaxBytes: number
  maxRegions: number
  maxEndpointsPerRegion: number
  /** Messages and bytes of payloads, topics and properties that wait for an acknowledgement. */
  outboxMaxMessages: number
  outboxMaxBytes: number
  /** QoS 1 and 2 messages on their way at once; a lower Receive Maximum of the broker counts. */
  maxInflight: number
  /** Message ids remembered to recognise duplicates. */
  seenMaxIds: number
  maxSubscriptions: number
}

export const DEFAULT_LIMITS: Readonly<DeviceLimits> = {
  pingIntervalMs: 500,
  pingTimeoutMs: 1000,
  uplinkBytesPerSec: 128 * 1024,
  connectTimeoutMs: 5000,
  probeTimeoutMs: 3000,
  probeSettleMs: 60,
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
  scatterMs: 200,
  stableMs: 5000,
  avoidMs: 20_000,
  reviewMs: 30_000,
  reviewRounds: 2,
  hysteresis: 0.3,
  hysteresisMs: 10,
  knockTimeoutMs: 3000,
  quiesceMs: 1000,
  referenceHops: 3,
  referenceWindowMs: 30_000,
  discoveryRefreshMs: 60_000,
  discoveryTimeoutMs: 3000,
  discoveryMaxBytes: 256 * 1024,
  maxRegions: 64,
  maxEndpointsPerRegion: 16,
  outboxMaxMessages: 10_000,
  outboxMaxBytes: 16 * 1024 * 1024,
  maxInflight: 64,
  seenMaxIds: 10_000,
  maxSubscriptions: 1000,
}

/** Packet ids are given out with a place in the outbox, so it holds fewer messages than there are ids. */
const MOST_MESSAGES = 60_000

/** Defaults with `given` over them. Throws a RangeError that names the limit that is not a sensible number. */
export function limitsFrom(given: Partial<DeviceLimits> = {}): DeviceLimits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`Limit '${name}' is not known`)
    if (!Number.isFinite(value) || value < 0)
      throw new RangeError(`Limit '${name}' is ${value}, not a number from 0 on`)
  }
  const { outboxMaxMessages } = limits
  if (outboxMaxMessages < 1 || outboxMaxMessages > MOST_MESSAGES)
    throw new RangeError(`Limit 'outboxMaxMessages' is ${outboxMaxMessages}, not from 1 to ${MOST_MESSAGES}`)
  return limits
}
