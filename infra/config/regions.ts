/** The `regions` section of the configuration: where devices may connect elsewhere, and the rules between its entries. Asks nobody. */
import { z } from 'zod'
import { endpointOf } from '../../device/endpoint.ts'
import { placeName } from './schema.ts'

const MAX_REGIONS = 64
const MAX_ENDPOINTS = 32
const MAX_WEIGHT = 1_000
/** Host and port of a URL. */
const AT = String.raw`(\[[0-9a-fA-F:.]+\]|[^/\s?#@:[\]]+)(:\d{1,5})?`

const endpoint = z
  .string()
  .max(1_024)
  .regex(new RegExp(String.raw`^(mqtts?:\/\/${AT}|wss?:\/\/${AT}(\/[^\s?#]*)?)$`))
  .meta({ unit: 'mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/mqtt or wss://HOST:PORT/mqtt' })

export const regionsSchema = z
  .array(
    z.strictObject({
      name: placeName('Name of the region; one of them is `region`'),
      endpoints: z.array(endpoint).min(1).max(MAX_ENDPOINTS).meta({ description: 'Where its devices connect' }),
      weight: z
        .number()
        .int()
        .min(1)
        .max(MAX_WEIGHT)
        .default(1)
        .meta({ description: 'Devices that are sent away go to the healthy region with the highest', unit: '' }),
      health: z
        .string()
        .regex(new RegExp(String.raw`^https?:\/\/${AT}(\/\S*)?$`))
        .optional()
        .meta({
          description: '`/readyz` there, asked every `limits.regionHealthMs`. Unset: taken to be healthy',
          unit: 'http://HOST:PORT/readyz or https://HOST:PORT/readyz',
        }),
    }),
  )
  .max(MAX_REGIONS)
  .default([])
  .meta({
    description: 'The regions that devices may go to, this one among them, as `GET /regions` tells them',
    unit: '',
  })

export type RegionSettings = z.output<typeof regionsSchema>[number]

/** What is wrong with the list of an edge whose region is `self`. */
export function checkRegions(self: string, regions: readonly RegionSettings[]): string[] {
  const problems: string[] = []
  const known = new Map<string, number>()
  const places = new Map<string, string>()
  for (const [i, region] of regions.entries()) {
    const first = known.get(region.name)
    if (first !== undefined)
      problems.push(`regions[${i}].name is '${region.name}', and so is regions[${first}].name; allowed: each name once`)
    known.set(region.name, first ?? i)
    problems.push(...checkEndpoints(`regions[${i}]`, region.endpoints, places))
    if (region.health !== undefined && !URL.canParse(region.health))
      problems.push(`regions[${i}].health is '${region.health}', which is no URL`)
  }
  if (regions.length > 0 && !known.has(self))
    problems.push(
      `regions does not name the region of this edge, '${self}' (region); it has ${[...known.keys()].map(name => `'${name}'`).join(', ')}`,
    )
  return problems
}

/** `places` has where each endpoint of the regions before is, and gets these. */
function checkEndpoints(region: string, endpoints: readonly string[], places: Map<string, string>): string[] {
  return endpoints.flatMap((url, i) => {
    const place = `${region}.endpoints[${i}]`
    if (!URL.canParse(url)) return [`${place} is '${url}', which is no URL`]
    // As devices read it.
    const same = endpointOf(url).url
    const other = places.get(same)
    if (other !== undefined) return [`${place} is '${url}', and so is ${other}; allowed: each endpoint once`]
    places.set(same, place)
    return []
  })
}
