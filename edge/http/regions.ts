/** `GET /regions`: where devices of this and of other regions connect. Reads what is known; polls nobody. */
import type { Context } from 'hono'
import { Regions } from '../region/regions.ts'
import type { HttpContext, ListenerInfo } from './context.ts'

/** Of an edge that was told no region. */
const NOWHERE = new Regions('default', [])

/** Any page may read it: it says nothing that a device may not know. */
const HEADERS = { 'access-control-allow-origin': '*', 'cache-control': 'no-store' }

export function answerRegions(c: Context, { ready, listeners, regions = NOWHERE }: HttpContext): Response {
  const own = (): readonly string[] => ownEndpoints(listeners(), new URL(c.req.url))
  return c.json(regions.document(ready().ok, own), 200, HEADERS)
}

const SCHEMES: Readonly<Record<string, string>> = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }
const WILDCARDS = new Set(['0.0.0.0', '::', '*'])

/**
 * What the listeners are reached at by who asked for `url`: one that is bound to every address is at the address that was
 * asked. Without listeners (a serverless host has them) MQTT is where the page is.
 */
export function ownEndpoints(listeners: readonly ListenerInfo[], url: URL): readonly string[] {
  const endpoints = listeners.flatMap(({ kind, host, port }) => {
    const scheme = SCHEMES[kind]
    if (scheme === undefined) return []
    const name = WILDCARDS.has(host) ? url.hostname : host.includes(':') ? `[${host}]` : host
    return [`${scheme}://${name}:${port}${scheme.startsWith('ws') ? '/mqtt' : ''}`]
  })
  return listeners.length > 0 ? endpoints : [`${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}/mqtt`]
}
