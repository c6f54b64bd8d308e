/** Counts failed authentications per address and minute, so that guessing is slow. Bounded; takes the time as an argument. */

const WINDOW_MS = 60_000
const MAX_ADDRESSES = 10_000

interface Failures {
  count: number
  since: number
}

export class FailureLimit {
  readonly #perMinute: number
  readonly #maxAddresses: number
  /** In the order of their windows' beginnings: the first is the oldest and goes when the map is full. */
  readonly #byAddress = new Map<string, Failures>()

  constructor(perMinute: number, maxAddresses = MAX_ADDRESSES) {
    this.#perMinute = perMinute
    this.#maxAddresses = maxAddresses
  }

  /** True if the address has used up its failures of this minute. `now` in milliseconds. */
  blocked(address: string, now: number): boolean {
    const failures = this.#byAddress.get(network(address))
    return failures !== undefined && now - failures.since < WINDOW_MS && failures.count >= this.#perMinute
  }

  failed(address: string, now: number): void {
    const key = network(address)
    const failures = this.#byAddress.get(key)
    if (failures && now - failures.since < WINDOW_MS) {
      failures.count++
      return
    }
    this.#byAddress.delete(key)
    if (this.#byAddress.size >= this.#maxAddresses) this.#byAddress.delete(this.#byAddress.keys().next().value!)
    this.#byAddress.set(key, { count: 1, since: now })
  }

  /** Addresses remembered, for tests and metrics. */
  get size(): number {
    return this.#byAddress.size
  }
}

/** What one attacker holds: an IPv4 address, or the /64 of an IPv6 one. */
export function network(address: string): string {
  if (!address.includes(':')) return address
  const plain = address.split('%')[0]!.toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  if (mapped) return mapped[1]!
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push('0')
  return [...groups, ...after]
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
