/** Server References: what they say, and when they are not followed. */
import { expect, test } from 'vitest'
import { endpointOf } from '../../../device/endpoint.ts'
import { endpointsOfReference, ReferenceGuard } from '../../../device/reference.ts'

const urls = (reference: string, from: string): string[] =>
  endpointsOfReference(reference, endpointOf(from)).endpoints.map(each => each.url)

test.each([
  ['other.example', 'mqtt://here:1884', ['mqtt://other.example:1884']],
  ['other.example:1999 third', 'mqtts://here', ['mqtts://other.example:1999', 'mqtts://third:8883']],
  ['[fe80::1]:1883', 'mqtt://here', ['mqtt://[fe80::1]:1883']],
  ['10.0.0.9:8080', 'ws://here:80/mqtt', ['ws://10.0.0.9:8080/mqtt']],
  ['ws://a:1/x mqtt://b', 'mqtt://here', ['ws://a:1/x', 'mqtt://b:1883']],
])('%s from %s', (reference, from, wanted) => {
  expect(urls(reference, from)).toEqual(wanted)
})

test('nothing leads from TLS to no TLS', () => {
  const { endpoints, refused } = endpointsOfReference('mqtt://evil mqtts://good', endpointOf('wss://here'))
  expect(endpoints.map(each => each.url)).toEqual(['mqtts://good:8883'])
  expect(refused).toEqual(["Server Reference 'mqtt://evil' leads from TLS to no TLS"])
})

test('what is no endpoint is named', () => {
  expect(endpointsOfReference('http://x  ', endpointOf('mqtt://here')).refused).toEqual([
    "Endpoint 'http://x' is none of mqtt://, mqtts://, ws:// and wss://",
  ])
  expect(endpointsOfReference('', endpointOf('mqtt://here')).endpoints).toEqual([])
})

test('so many references within a time, no more', () => {
  const guard = new ReferenceGuard({ referenceHops: 2, referenceWindowMs: 1000 })
  expect([0, 10, 20, 900].map(at => guard.mayFollow(at))).toEqual([true, true, false, false])
  expect(guard.mayFollow(1005)).toBe(true)
  expect(guard.mayFollow(1006)).toBe(false)
})
