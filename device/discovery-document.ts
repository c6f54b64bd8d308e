/** Reads the discovery document that edges serve at `GET /regions`. Fetches nothing. */
import { type Endpoint, endpointOf, type Region, type Scheme } from './endpoint.ts'
import type { DeviceLimits } from './limits.ts'

export interface Reading {
  readonly regions: readonly Region[]
  /** What was left out and why, one sentence each. */
  readonly skipped: readonly string[]
}

type Bounds = Pick<DeviceLimits, 'maxRegions' | 'maxEndpointsPerRegion'>

const VERSION = 1

/**
 * The regions of a document like `{"version":1,"regions":[{"name":"eu","weight":1,"healthy":true,"endpoints":["mqtt://host:1883"]}]}`.
 * Unknown fields are ignored; weight is 1 and healthy true if they are missing. A region without name, with the name of another, or without
 * an endpoint that `schemes` has, is left out, as is a bad endpoint. Throws an Error if no region is left, or if it is no such document.
 */
export function readDocument(document: unknown, schemes: readonly Scheme[], bounds: Bounds): Reading {
  if (!isRecord(document)) throw new Error('Discovery document is not an object')
  const { version, regions: listed } = document
  if (version !== VERSION)
    throw new Error(`Discovery document has version ${JSON.stringify(version)}, version ${VERSION} is needed`)
  if (!Array.isArray(listed)) throw new Error('Discovery document has no list of regions')
  const skipped: string[] = []
  const regions = new Map<string, Region>()
  for (const each of listed.slice(0, bounds.maxRegions)) {
    const region = regionOf(each, schemes, bounds, skipped)
    if (region === undefined) continue
    if (regions.has(region.name)) skipped.push(`Region '${region.name}' is named twice; the first one counts`)
    else regions.set(region.name, region)
  }
  if (listed.length > bounds.maxRegions)
    skipped.push(`Discovery document has ${listed.length} regions; the first ${bounds.maxRegions} count`)
  if (regions.size === 0)
    throw new Error(['Discovery document has no usable region', ...skipped.slice(0, 5)].join('; '))
  return { regions: [...regions.values()], skipped }
}

function regionOf(value: unknown, schemes: readonly Scheme[], bounds: Bounds, skipped: string[]): Region | undefined {
  const name = isRecord(value) ? value.name : undefined
  if (!isRecord(value) || typeof name !== 'string' || name === '' || name.length > 128) {
    skipped.push(`Region ${shown(value)} has no name`)
    return undefined
  }
  const { weight = 1, healthy = true, endpoints: listed } = value
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0) {
    skipped.push(`Region '${name}' has the weight ${shown(weight)}, which is no number from 0 on`)
    return undefined
  }
  const endpoints = Array.isArray(listed)
    ? endpointsOf(listed.slice(0, bounds.maxEndpointsPerRegion), schemes, skipped)
    : []
  if (endpoints.length === 0) {
    skipped.push(`Region '${name}' has no endpoint that this device can use`)
    return undefined
  }
  return { name, weight, healthy: healthy !== false, endpoints }
}

/** Endpoints of these schemes, each once; others are left out, bad ones with a sentence. */
export function endpointsOf(listed: readonly unknown[], schemes: readonly Scheme[], skipped: string[]): Endpoint[] {
  const endpoints = new Map<string, Endpoint>()
  for (const text of listed) {
    try {
      if (typeof text !== 'string') throw new Error(`Endpoint ${shown(text)} is not a text`)
      const endpoint = endpointOf(text)
      if (schemes.includes(endpoint.scheme)) endpoints.set(endpoint.url, endpoint)
    } catch (error) {
      skipped.push(error instanceof Error ? error.message : String(error))
    }
  }
  return [...endpoints.values()]
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? 'undefined'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
