/** The regions of an edge as its configuration has them: health is asked, logged and exported. Decides nothing. */
import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { watchHealth } from '../../edge/region/health.ts'
import { Regions } from '../../edge/region/regions.ts'
import type { EdgeConfig } from '../config/edge.ts'

export interface OpenRegions {
  readonly regions: Regions
  /** Asks no more. */
  close(): void
}

export function openRegions(
  { region: self, regions: list, limits }: Pick<EdgeConfig, 'region' | 'regions' | 'limits'>,
  registry: Registry,
  log: Logger,
): OpenRegions {
  const regions = new Regions(self, list)
  const others = list.filter(({ name }) => name !== self)
  new Gauge({
    name: 'meridian_region_healthy',
    help: 'Other regions that devices may be sent to: 1 if healthy, as far as this edge knows',
    labelNames: ['region'],
    registers: [registry],
    collect() {
      for (const { name } of others) this.set({ region: name }, regions.healthy(name) ? 1 : 0)
    },
  })
  const close = watchHealth({
    regions,
    checks: others.flatMap(({ name, health }) => (health === undefined ? [] : [{ region: name, url: health }])),
    everyMs: limits.regionHealthMs,
    changed: (region, healthy, detail) => {
      if (healthy) log.info({ region, detail }, 'Region is healthy again')
      else log.warn({ region, detail }, 'Region is not healthy')
    },
  })
  return { regions, close }
}
