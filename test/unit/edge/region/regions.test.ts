/** What an edge says of the regions, and how it finds out which are healthy. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ownEndpoints } from '../../../../edge/http/regions.ts'
import { watchHealth } from '../../../../edge/region/health.ts'
import { Regions } from '../../../../edge/region/regions.ts'
import { until } from '../../../harness/process.ts'

const EU = { name: 'eu', weight: 1, endpoints: ['mqtt://eu:1883', 'ws://eu:8080/mqtt'] }
const US = { name: 'us', weight: 2, endpoints: ['mqtt://us:1883'] }

describe('the document', () => {
  test('names every region with its health; its own is healthy as long as it is ready', () => {
    const regions = new Regions('eu', [EU, { ...US, health: 'http://us/readyz' } as typeof US])
    regions.mark('us', false)
    expect(JSON.stringify(regions.document(true, () => []))).toBe(
      '{"version":1,"self":"eu","regions":[{"name":"eu","weight":1,"healthy":true,"endpoints":["mqtt://eu:1883","ws://eu:8080/mqtt"]},{"name":"us","weight":2,"healthy":false,"endpoints":["mqtt://us:1883"]}]}',
    )
    regions.mark('us', true)
    expect(regions.document(false, () => []).regions.map(r => r.healthy)).toEqual([false, true])
  })

  test('without regions there is this one, where its listeners say', () => {
    expect(new Regions('eu', []).document(true, () => ['mqtt://h:1'])).toEqual({
      version: 1,
      self: 'eu',
      regions: [{ name: 'eu', weight: 1, healthy: true, endpoints: ['mqtt://h:1'] }],
    })
  })
})

describe('own endpoints', () => {
  const url = new URL('http://edge.example:8080/regions')

  test('a listener on every address is where the page was asked for', () => {
    const listeners = [
      { kind: 'tcp', host: '0.0.0.0', port: 1883 },
      { kind: 'tls', host: '::', port: 8883 },
      { kind: 'ws', host: '::1', port: 8080 },
      { kind: 'wss', host: 'h', port: 443 },
      { kind: 'unix', host: '/x.sock', port: 0 },
      { kind: 'http', host: '0.0.0.0', port: 8081 },
    ]
    expect(ownEndpoints(listeners, url)).toEqual([
      'mqtt://edge.example:1883',
      'mqtts://edge.example:8883',
      'ws://[::1]:8080/mqtt',
      'wss://h:443/mqtt',
    ])
  })

  test('a host that listens itself has MQTT beside the page', () => {
    expect(ownEndpoints([], url)).toEqual(['ws://edge.example:8080/mqtt'])
    expect(ownEndpoints([], new URL('https://edge.example/regions'))).toEqual(['wss://edge.example/mqtt'])
  })
})

describe('where a client goes instead', () => {
  const at = (name: string, weight: number, ...endpoints: string[]) => ({ name, weight, endpoints })
  const tcp = { listener: 'tcp' } as const

  test('to the healthy other region with the highest weight', () => {
    const regions = new Regions('eu', [
      at('eu', 9, 'mqtt://eu:1883'),
      at('us', 1, 'mqtt://us:1883'),
      at('ap', 2, 'mqtt://ap:1883'),
    ])
    expect(regions.elsewhere(tcp)).toBe('ap:1883')
    regions.mark('ap', false)
    expect(regions.elsewhere(tcp)).toBe('us:1883')
    regions.mark('us', false)
    expect(regions.elsewhere(tcp)).toBeUndefined()
  })

  test('among equals in turn, endpoint by endpoint', () => {
    const regions = new Regions('eu', [
      at('eu', 1, 'mqtt://eu:1883'),
      at('us', 1, 'mqtt://us1:1883', 'mqtt://us2:1883', 'ws://us/mqtt'),
      at('ap', 1, 'mqtt://ap'),
    ])
    expect(Array.from({ length: 4 }, () => regions.elsewhere(tcp))).toEqual([
      'us1:1883',
      'us2:1883',
      'ap:1883',
      'us1:1883',
    ])
  })

  test('by what it speaks, and never from TLS to none', () => {
    const all = ['mqtt://us:1883', 'mqtts://us', 'ws://us:8080/mqtt', 'wss://us/mqtt']
    const of = (listener: 'tcp' | 'tls' | 'ws' | 'wss' | 'unix', ...endpoints: string[]) =>
      new Regions('eu', [at('eu', 1, 'mqtt://eu:1883'), at('us', 1, ...endpoints)]).elsewhere({ listener })
    expect(of('tcp', ...all)).toBe('us:1883')
    expect(of('unix', ...all)).toBe('us:1883')
    expect(of('tls', ...all)).toBe('us:8883')
    expect(of('ws', ...all)).toBe('ws://us:8080/mqtt')
    expect(of('wss', ...all)).toBe('wss://us/mqtt')
    expect(of('tcp', 'mqtts://[::1]:9')).toBe('[::1]:9')
    expect(of('ws', 'wss://us/mqtt')).toBe('wss://us/mqtt')
    expect(of('tls', 'mqtt://us:1883', 'wss://us/mqtt')).toBeUndefined()
    expect(of('wss', 'ws://us/mqtt')).toBeUndefined()
  })

  test('never to an endpoint of its own region', () => {
    const regions = new Regions('eu', [at('eu', 1, 'mqtt://any:1883'), at('us', 1, 'mqtt://any:1883')])
    expect(regions.elsewhere(tcp)).toBeUndefined()
    expect(new Regions('eu', []).elsewhere(tcp)).toBeUndefined()
  })
})

test('a region that fails twice is not healthy until it answers again', async () => {
  let status = 503
  const server = createServer((_request, response) => void response.writeHead(status).end('x')).listen(0, '127.0.0.1')
  await new Promise(done => server.once('listening', done))
  const regions = new Regions('eu', [EU, US])
  const said: string[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`
  const end = watchHealth({
    regions,
    checks: [{ region: 'us', url }],
    everyMs: 200,
    changed: (region, healthy) => said.push(`${region} ${healthy}`),
  })
  try {
    await until('it to be unhealthy', 10_000, () => !regions.healthy('us') || undefined)
    status = 200
    await until('it to be healthy', 10_000, () => regions.healthy('us') || undefined)
    server.closeAllConnections()
    await new Promise(done => server.close(done))
    await until('it to be gone', 10_000, () => !regions.healthy('us') || undefined)
  } finally {
    end()
    server.close()
  }
  expect(said.slice(0, 2)).toEqual(['us false', 'us true'])
}, 30_000)
