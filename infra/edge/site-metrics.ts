/** What an edge knows of sites as metrics, one series per site, read when somebody asks. */
import { Gauge, type Registry } from 'prom-client'
import type { SiteView } from '../../edge/link/sites.ts'

export function registerSites(registry: Registry, sites: () => readonly SiteView[]): void {
  const gauge = (name: string, help: string, value: (site: SiteView) => number | undefined): void => {
    new Gauge({
      name,
      help,
      labelNames: ['site'],
      registers: [registry],
      collect() {
        this.reset()
        for (const site of sites()) {
          const one = value(site)
          if (one !== undefined) this.set({ site: site.site }, one)
        }
      },
    })
  }
  gauge('meridian_edge_site_linked', '1 for the site that this edge is linked to, else 0', one => (one.linked ? 1 : 0))
  gauge('meridian_edge_site_healthy', '1 if a core of this site was active when it was last asked, else 0', one =>
    one.healthy ? 1 : 0,
  )
  gauge('meridian_edge_site_rtt_seconds', 'Round trip to the active core of this site, smoothed', one =>
    one.rttMs === undefined ? undefined : one.rttMs / 1000,
  )
}
