/** Which region is best, and when another is so much better that going there pays. Functions of values; nothing is measured here. */
import type { Endpoint, Region } from './endpoint.ts'
import type { DeviceLimits } from './limits.ts'

/** A region that answered. */
export interface Candidate {
  readonly region: Region
  readonly endpoint: Endpoint
  readonly rttMs: number
  /** It stopped answering, or sent us away, a short while ago. */
  readonly avoided: boolean
}

/** What makes a candidate second choice, worst first; the higher number wins. */
const standing = ({ region, avoided }: Candidate): number =>
  (avoided ? 0 : 4) + (region.healthy ? 2 : 0) + (region.weight > 0 ? 1 : 0)

/** Round-trip time through the region's weight; milliseconds, lower is better. */
export const scoreOf = ({ region, rttMs }: Candidate): number => rttMs / (region.weight > 0 ? region.weight : 1)

/** Best first: standing, then the preferred region, then the score. */
export function ranked(candidates: readonly Candidate[], preferred: string | undefined): Candidate[] {
  return [...candidates].sort(
    (a, b) =>
      standing(b) - standing(a) ||
      Number(b.region.name === preferred) - Number(a.region.name === preferred) ||
      scoreOf(a) - scoreOf(b),
  )
}

/** Whether a connected device should leave `current` for `other`: that is the preferred region, has a better standing, or is nearer by more than the hysteresis. */
export function isWorthMoving(
  current: Candidate,
  other: Candidate,
  preferred: string | undefined,
  { hysteresis, hysteresisMs }: Pick<DeviceLimits, 'hysteresis' | 'hysteresisMs'>,
): boolean {
  if (other.region.name === current.region.name) return false
  const difference = standing(other) - standing(current)
  if (difference !== 0) return difference > 0
  if (other.region.name === preferred) return true
  if (current.region.name === preferred) return false
  const now = scoreOf(current)
  return scoreOf(other) < Math.min(now * (1 - hysteresis), now - hysteresisMs)
}
