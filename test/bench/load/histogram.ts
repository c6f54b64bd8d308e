/** Latency histogram in one typed array: constant memory, no allocation per value; owns no clock and no units beyond microseconds. */

const SUB_BITS = 7
const SUB_BUCKETS = 1 << SUB_BITS
const BUCKETS = (32 - SUB_BITS + 1) * SUB_BUCKETS
const MAX_US = 0xffffffff

/** Values below 2^7 have a bucket of their own; above, each octave has 2^7 buckets, so a bucket is at most 1/128 (0.8 %) wide. */
export const bucketOf = (us: number): number => {
  const value = us <= 0 ? 0 : us >= MAX_US ? MAX_US : us >>> 0
  const shift = 31 - SUB_BITS - Math.clz32(value)
  return shift <= 0 ? value : (shift << SUB_BITS) + (value >>> shift)
}

/** The middle of a bucket, in microseconds. */
export const middleOf = (bucket: number): number => {
  if (bucket < 2 * SUB_BUCKETS) return bucket
  const shift = (bucket >>> SUB_BITS) - 1
  return ((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS + 0.5) * 2 ** shift
}

export class Histogram {
  /** Counts by bucket; transferable between threads. */
  readonly counts: Float64Array

  constructor(counts: Float64Array = new Float64Array(BUCKETS)) {
    this.counts = counts
  }

  /** Adds one value in microseconds; negative ones count as 0, ones above 2^32 as 2^32. */
  add(us: number): void {
    const bucket = bucketOf(us)
    this.counts[bucket] = this.counts[bucket]! + 1
  }

  merge(counts: Float64Array): void {
    for (let i = 0; i < counts.length; i++) this.counts[i] = this.counts[i]! + counts[i]!
  }

  get total(): number {
    let sum = 0
    for (const n of this.counts) sum += n
    return sum
  }

  /** The value in milliseconds (3 digits) that a share `p` (0…1) of all values does not exceed; 0 when empty. */
  quantileMs(p: number): number {
    const want = Math.max(1, Math.ceil(this.total * p))
    let seen = 0
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i]!
      if (seen >= want) return Math.round(middleOf(i)) / 1000
    }
    return 0
  }
}
