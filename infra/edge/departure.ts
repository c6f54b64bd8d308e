/**
 * How devices leave before the link of their edge goes to another site: at the rate of a drain, with their wills held, and to no
 * other place, for they come back as soon as the link is made. A drain of the edge has the word over it.
 */
import type { Limits } from '../../core/contract/limits.ts'
import { Drain, type DrainOptions } from '../../edge/drain.ts'
import type { Departure } from '../../edge/link/link-life.ts'
import { Regions } from '../../edge/region/regions.ts'

/** `drain`: that of the edge, whose own end is not this one's. */
export function departureOf(edge: DrainOptions['edge'], drain: Drain, limits: Limits): Departure {
  const pause = new Drain({ edge, regions: new Regions('', []), limits, now: Date.now })
  return {
    begin: gone => void (drain.on ? drain : pause).finish().then(gone),
    end() {
      if (!pause.on) return
      pause.undo()
      if (drain.on) drain.begin()
    },
  }
}
