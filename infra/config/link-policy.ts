/** Rules for the link between edges and cores: what is open to other machines must show who it is. Judges values that the schema has accepted. */
import type { CoreSettings } from './core.ts'
import { describe } from './describe.ts'
import type { EdgeSettings } from './edge.ts'
import { isLoopback } from './loopback.ts'

const LINK_PATH = '/link'

/** The URL of a core as an edge calls it; the path is `/link` unless it says otherwise. */
export function coreUrl(given: string): string {
  const url = new URL(given)
  if (url.pathname === '/') url.pathname = LINK_PATH
  return url.href
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '')

/** What is wrong with how an edge reaches its cores (`core`: as whole URLs), or shares its ports. */
export function checkEdgeLink(settings: EdgeSettings, core: readonly string[]): string[] {
  const { linkToken, linkCertFile, linkKeyFile, linkCaFile, workers, httpPort, listeners } = settings
  const problems: string[] = []
  const shown = linkToken !== undefined || linkCertFile !== undefined
  const far = core.filter(url => !isLoopback(hostOf(url)))
  if (!shown && far.length > 0) {
    problems.push(
      `core ${far.map(url => describe(url)).join(', ')} is on another machine, but nothing shows who this edge is: set linkToken (MERIDIAN_LINK_TOKEN), or linkCertFile and linkKeyFile`,
    )
  }
  if ((linkCertFile === undefined) !== (linkKeyFile === undefined))
    problems.push('linkCertFile and linkKeyFile belong together; one of them is missing')
  const plain = core.find(url => url.startsWith('ws:'))
  if (plain !== undefined && (linkCertFile ?? linkCaFile) !== undefined)
    problems.push(`core ${plain} has no TLS, for which linkCaFile and linkCertFile are; write wss://`)
  if (workers > 1 && typeof httpPort === 'number' && httpPort + workers > 65_535)
    problems.push(
      `httpPort is ${httpPort}: worker ${workers} has no port of its own; allowed with ${workers} workers: up to ${65_535 - workers}`,
    )
  if (workers > 1 && listeners.some(listener => listener.kind === 'unix'))
    problems.push(`workers is ${workers}, but processes cannot share a listener of kind unix; allowed with one: 1`)
  return problems
}

/** A token that others on the way can read. */
export function doubtsOfEdge({ linkToken, core }: Pick<EdgeSettings, 'linkToken' | 'core'>): string[] {
  const open = core.filter(url => url.startsWith('ws:') && !isLoopback(hostOf(url)))
  return linkToken === undefined || open.length === 0
    ? []
    : [`The link token goes in the clear to ${open.join(', ')}; use wss://, or a network that nobody else is on`]
}

/** What is wrong with how a core lets edges in. */
export function checkCoreLink(settings: CoreSettings): string[] {
  const { httpHost, httpPort, linkToken, tlsCertFile, tlsKeyFile, tlsCaFile } = settings
  const problems: string[] = []
  if (!isLoopback(httpHost) && linkToken === undefined && tlsCaFile === undefined) {
    problems.push(
      `Anybody could link to ${httpHost}:${httpPort} as an edge: set linkToken (MERIDIAN_LINK_TOKEN), or tlsCaFile, or bind to 127.0.0.1 (--http-host)`,
    )
  }
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined))
    problems.push('tlsCertFile and tlsKeyFile belong together; one of them is missing')
  if (tlsCaFile !== undefined && tlsCertFile === undefined)
    problems.push('tlsCaFile needs tlsCertFile and tlsKeyFile: without TLS no certificate is asked for')
  return problems
}

/** The cores of each other site, as whole URLs, each once. */
export function peersOf(given: readonly string[]): Map<string, string[]> {
  const peers = new Map<string, string[]>()
  for (const peer of given) {
    const at = peer.indexOf('=')
    const site = peer.slice(0, at)
    const url = coreUrl(peer.slice(at + 1))
    const urls = peers.get(site) ?? []
    if (!urls.includes(url)) peers.set(site, [...urls, url])
  }
  return peers
}

/** What is wrong with the other sites. */
export function checkPeers(settings: CoreSettings, peers: ReadonlyMap<string, readonly string[]>): string[] {
  const { site, state, linkToken, linkCertFile, linkKeyFile } = settings
  const problems: string[] = []
  if (peers.size === 0) return problems
  if (peers.has(site)) problems.push(`peer names '${site}', which is the site of this core; allowed: other sites`)
  if (state === undefined)
    problems.push('peer needs state: sites share clients through one Redis (--state redis://HOST:PORT)')
  const owners = new Map<string, string>()
  for (const [name, urls] of peers)
    for (const url of urls) {
      const other = owners.get(url)
      if (other !== undefined)
        problems.push(`peer ${describe(url)} is given for the sites '${other}' and '${name}'; allowed: one`)
      owners.set(url, name)
    }
  if ((linkCertFile === undefined) !== (linkKeyFile === undefined))
    problems.push('linkCertFile and linkKeyFile belong together; one of them is missing')
  const far = [...owners.keys()].filter(url => !isLoopback(hostOf(url)))
  if (far.length > 0 && linkToken === undefined && linkCertFile === undefined)
    problems.push(
      `peer ${far.map(url => describe(url)).join(', ')} is on another machine, but nothing shows who this core is: set linkToken (MERIDIAN_LINK_TOKEN), or linkCertFile and linkKeyFile`,
    )
  return problems
}
