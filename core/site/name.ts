/** The names sites have as clients of each other: a site is a persistent session at every other one. Owns the prefix; devices may not use it. */
import { type ClientKey, clientIdOf, clientKey, DEFAULT_TENANT, SITE_PREFIX } from '../contract/ids.ts'
import type { SiteName } from './port.ts'

/** The session of a site at another one. Sites exchange what belongs to the default tenant. */
export const siteClient = (site: SiteName): ClientKey => clientKey(DEFAULT_TENANT, SITE_PREFIX + site)

/** Of a site's session; undefined of a device's. */
export function siteOf(client: ClientKey): SiteName | undefined {
  const id = clientIdOf(client)
  return id.startsWith(SITE_PREFIX) ? id.slice(SITE_PREFIX.length) : undefined
}
