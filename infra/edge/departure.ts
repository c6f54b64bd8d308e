/**
 * How devices leave before the link of their edge goes to another site: at the rate of a drain, with their wills held, and to no
 * other place. They come back at once, and wait with whoever else connects until the link is there.
 */
import type { Limits } from '../../core/contract/limits.ts'
import { Drain, type SendAway } from '../../edge/drain.ts'
import type { Departure } from '../../edge/link/link-life.ts'
import { Regions } from '../../edge/region/regions.ts'
import type { EdgeHost } from './host.ts'

/** `drain`: that of the edge. While it is on, devices go where it sends them. */
export function departureOf(
  { edge, stats }: Pick<EdgeHost, 'edge' | 'stats'>,
  drain: Drain,
  limits: Limits,
): Departure {
  let how: SendAway | undefined
  const pause = new Drain({
    edge: {
      // Those whose session is being asked for have a claim that the core would give to nobody else.
      get clients() {
        return edge.clients + stats.nowClaims
      },
      sendAway(to) {
        how = to
        edge.hold(to !== undefined)
      },
      dismiss: most => edge.dismiss(most, how),
    },
    regions: new Regions('', []),
    limits,
    now: Date.now,
  })
  return {
    begin: gone => void (drain.on ? drain : pause).finish().then(gone),
    end: () => pause.undo(),
  }
}
