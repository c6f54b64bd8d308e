/** The scenario `drain`: an edge with many clients sends them away at a rate, and is taken into use again. */
import { seeded } from '../chaos/random.ts'
import { sleep, until } from '../harness/process.ts'
import { placeOf } from './crowd.ts'
import { Idler } from './idler.ts'
import type { Scenario, Scene } from './scenario.ts'

export const ADMIN_TOKEN = 'a-token-for-drills-only'
export const DRAIN_CLIENTS_PER_SEC = 200
/** Their wills have no delay: those of the other devices would not come anyway. */
const LEAST = 10
const ASK_MS = 5_000
const CONNECT_PER_SEC = 150
const AWAY_MS = 120_000
/** Longer than wills are held back, so that one that was not discarded would come. */
const WILL_HOLD_MS = 30_000

export const drain: Scenario = {
  name: 'drain',
  text: `POST /drain to an edge with many clients: ${DRAIN_CLIENTS_PER_SEC} a second are sent elsewhere; taken back at the end`,
  edges: 2,
  cores: 1,
  async run(scene) {
    const { regions, begins, struck, healed, step, figures, sites, findings } = scene
    const region = regions.regions[sites[0]!]!
    const edge = region.edges[0]!
    const idlers = await crowdOf(scene, edge.mqtt, region.edges[1]?.mqtt ?? region.mqtt)
    step(`${region.name} ${edge.name} is drained`)
    const full = await clientsOf(edge.http, 'GET')
    begins([region.name])
    await clientsOf(edge.http, 'POST')
    struck()
    await until('the edge to be empty', AWAY_MS, async () => {
      await sleep(200)
      return (await clientsOf(edge.http, 'GET')) === 0 ? true : undefined
    })
    await until('everybody to be elsewhere', AWAY_MS, () => (idlers.every(one => one.isUp) ? true : undefined))
    await sleep(WILL_HOLD_MS * 1.2)
    await clientsOf(edge.http, 'DELETE')
    healed()
    const departures = idlers.flatMap(({ departure }) => departure ?? [])
    const times = departures.map(one => one.at).sort((a, b) => a - b)
    figures.set('clients of the edge', full)
    figures.set('sent away per second', (times.length - 1) / (((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000))
    figures.set('with a Server Reference', departures.filter(one => one.hasReference).length)
    const rude = departures.filter(one => one.code === undefined).length
    if (rude > 0) findings.push(`${rude} MQTT 5 clients were closed without DISCONNECT`)
    for (const idler of idlers) idler.end()
  },
}

/** Idle clients at the edge, as many as are missing to the wanted number. */
async function crowdOf({ crowd, settings, record, step, round }: Scene, url: string, otherUrl: string) {
  const [place, elsewhere] = [url, otherUrl].map(one => placeOf({ region: 'drained', url: one }))
  const here = crowd.connectedTo([settings.sites[0]!]).size
  const count = Math.max(LEAST, settings.clients - here)
  step(`${count} more clients connect`)
  const random = seeded(settings.seed + round)
  const idlers = Array.from({ length: count }, (_, i) => new Idler(`idler${round}-${i}`, elsewhere!, random, record))
  for (const [i, idler] of idlers.entries()) {
    record({ is: 'will', client: idler.name, payload: idler.will, delayed: true })
    void idler.connect(place!)
    if (i % 15 === 14) await sleep(15_000 / CONNECT_PER_SEC)
  }
  await until('all clients to be connected', AWAY_MS, () => (idlers.every(one => one.isUp) ? true : undefined))
  return idlers
}

/** How many clients the edge has, before or after the request. */
async function clientsOf(http: string, method: 'GET' | 'POST' | 'DELETE'): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const answer = await fetch(`${http}/drain`, { method, headers, signal: AbortSignal.timeout(ASK_MS) })
  if (!answer.ok) throw new Error(`${method} /drain was answered with ${answer.status}`)
  return ((await answer.json()) as { readonly clients: number }).clients
}
