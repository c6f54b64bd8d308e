/** Discovery documents, good and bad. */
import { expect, test } from 'vitest'
import { readDocument } from '../../../device/discovery-document.ts'
import type { Scheme } from '../../../device/endpoint.ts'

const SCHEMES: readonly Scheme[] = ['mqtt', 'ws']
const BOUNDS = { maxRegions: 4, maxEndpointsPerRegion: 2 }
const read = (regions: unknown, version: unknown = 1) => readDocument({ version, regions, self: 'x' }, SCHEMES, BOUNDS)

test('regions with what they say, unknown fields ignored', () => {
  const { regions, skipped } = read([
    { name: 'eu', weight: 2, healthy: true, endpoints: ['mqtt://eu:1883', 'ws://eu:8080/mqtt'], colour: 'blue' },
    { name: 'us', healthy: false, endpoints: ['mqtt://us'] },
  ])
  expect(skipped).toEqual([])
  expect(regions.map(({ name, weight, healthy }) => ({ name, weight, healthy }))).toEqual([
    { name: 'eu', weight: 2, healthy: true },
    { name: 'us', weight: 1, healthy: false },
  ])
  expect(regions.map(region => region.endpoints.map(each => each.url))).toEqual([
    ['mqtt://eu:1883', 'ws://eu:8080/mqtt'],
    ['mqtt://us:1883'],
  ])
})

test('what cannot be used is left out and named', () => {
  const { regions, skipped } = read([
    { name: 'eu', endpoints: ['mqtt://eu', 'http://eu', 'wss://eu'] },
    { name: 'eu', endpoints: ['mqtt://other'] },
    { name: 'far', endpoints: ['wss://far'] },
    { endpoints: [] },
    { name: 'fifth', endpoints: ['mqtt://fifth'] },
  ])
  expect(regions.map(region => region.endpoints.map(each => each.url))).toEqual([['mqtt://eu:1883']])
  expect(skipped).toEqual([
    "Endpoint 'http://eu' is none of mqtt://, mqtts://, ws:// and wss://",
    "Region 'eu' is named twice; the first one counts",
    "Region 'far' has no endpoint that this device can use",
    'Region {"endpoints":[]} has no name',
    'Discovery document has 5 regions; the first 4 count',
  ])
})

test.each([
  [undefined, 'Discovery document is not an object'],
  [[], 'Discovery document is not an object'],
  [{ version: 2, regions: [] }, 'Discovery document has version 2, version 1 is needed'],
  [{ version: 1 }, 'Discovery document has no list of regions'],
  [{ version: 1, regions: [] }, 'Discovery document has no usable region'],
  [
    { version: 1, regions: [{ name: 'a', weight: -1, endpoints: ['mqtt://a'] }] },
    "Discovery document has no usable region; Region 'a' has the weight -1, which is no number from 0 on",
  ],
])('%j is refused', (document, error) => {
  expect(() => readDocument(document, SCHEMES, BOUNDS)).toThrow(error)
})
