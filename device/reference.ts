/** Reads the Server Reference of CONNACK and DISCONNECT, and counts how often it is followed. Connects to nothing. */
import { type Endpoint, endpointOf, isEncrypted } from './endpoint.ts'
import type { DeviceLimits } from './limits.ts'

/** Reason codes that come with a Server Reference: Use another server, Server moved [MQTT 5, 4.11]. */
export const isReferral = (code: number): boolean => code === 0x9c || code === 0x9d

/**
 * The endpoints a Server Reference names, in its order. It is a list of `host`, `host:port` or `[ipv6]:port` separated by blanks
 * (MQTT 5, 4.11); whole URLs are read too. What has no scheme gets that of `from`, and its port and path where it names none.
 * What leads from TLS to no TLS is left out: nobody may make a device show its password in the clear.
 */
export function endpointsOfReference(reference: string, from: Endpoint): { endpoints: Endpoint[]; refused: string[] } {
  const endpoints: Endpoint[] = []
  const refused: string[] = []
  for (const word of reference.split(/\s+/).slice(0, 16)) {
    if (word === '') continue
    try {
      const endpoint = endpointOf(
        word.includes('://') ? word : `${from.scheme}://${withPort(word, from.port)}${from.path}`,
      )
      if (isEncrypted(from) && !isEncrypted(endpoint))
        refused.push(`Server Reference '${word}' leads from TLS to no TLS`)
      else endpoints.push(endpoint)
    } catch (error) {
      refused.push(error instanceof Error ? error.message : String(error))
    }
  }
  return { endpoints, refused }
}

const withPort = (host: string, port: number): string =>
  /(?:^|[^:]):\d+$|\]:\d+$/.test(host) ? host : `${host}:${port}`

/** Lets so many references pass within a time; more are a loop, or servers that do not agree. */
export class ReferenceGuard {
  readonly #limits: Pick<DeviceLimits, 'referenceHops' | 'referenceWindowMs'>
  #hops: number[] = []

  constructor(limits: Pick<DeviceLimits, 'referenceHops' | 'referenceWindowMs'>) {
    this.#limits = limits
  }

  /** Whether this reference may be followed; it is counted if so. */
  mayFollow(now: number): boolean {
    this.#hops = this.#hops.filter(at => now - at < this.#limits.referenceWindowMs)
    if (this.#hops.length >= this.#limits.referenceHops) return false
    this.#hops.push(now)
    return true
  }
}
