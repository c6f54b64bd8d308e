/** Regions from discovery documents, served by one that is away, wrong, slow, or changes. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Broker, startMosquitto } from '../../harness/broker.ts'
import { freePort, until } from '../../harness/process.ts'
import { device, ending, endsAfterEachTest, folder, freshId, next } from './rig.ts'

vi.setConfig({ testTimeout: 30_000 })
endsAfterEachTest()

type Answer = (response: ServerResponse) => void

async function served(
  answer: Answer,
): Promise<{ url: string; set(answer: Answer): void; asked(): number; close(): Promise<void> }> {
  let asked = 0
  let now = answer
  const server = createServer((_, response) => {
    asked++
    now(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  const set = (answer: Answer): void => {
    now = answer
  }
  return ending({ url: `http://127.0.0.1:${port}/regions`, set, asked: () => asked, close }, each => each.close())
}

const broker = async (): Promise<Broker> => ending(await startMosquitto(), each => each.stop())
const json =
  (...regions: unknown[]): Answer =>
  response =>
    response.end(JSON.stringify({ version: 1, regions, self: 'eu' }))
const region = (name: string, of: Broker, more: object = {}) => ({
  name,
  endpoints: [`mqtt://127.0.0.1:${of.tcpPort}`],
  ...more,
})
const quick = { discoveryRefreshMs: 100, reviewMs: 100, reviewRounds: 1, backoffBaseMs: 50, backoffMaxMs: 200 }

test('a document that says a region is ill moves the device, one that says nothing new does not', async () => {
  const [eu, us] = [await broker(), await broker()]
  const from = await served(json(region('eu', eu, { weight: 100 }), region('us', us)))
  const one = await device({ discovery: from.url, limits: quick })
  expect((await next(one, 'online')).region).toBe('eu')
  await until('more questions', 20_000, () => (from.asked() > 3 ? true : undefined))
  const moved = next(one, 'region')
  from.set(json(region('eu', eu, { weight: 100, healthy: false }), region('us', us)))
  expect(await moved).toMatchObject({ from: 'eu', to: 'us', because: 'better' })
})

test('the second URL answers when the first is away; what is wrong is named', async () => {
  const eu = await broker()
  const from = await served(json(region('eu', eu), region('eu', eu), { name: 'bad', endpoints: ['x'] }))
  const away = `http://127.0.0.1:${await freePort()}/regions`
  const one = await device({ discovery: [away, from.url], limits: quick })
  const warnings: string[] = []
  one.on('warning', ({ message }) => warnings.push(message))
  await next(one, 'online')
  expect(warnings[0]).toMatch(`Discovery at ${away} failed: fetch failed: connect ECONNREFUSED`)
  expect(warnings.slice(1, 4)).toEqual([
    "Region 'eu' is named twice; the first one counts",
    "Endpoint 'x' is not a URL",
    "Region 'bad' has no endpoint that this device can use",
  ])
})

test('an unreachable or wrong document is an event, asked for again, and the last good one stays', async () => {
  const eu = await broker()
  const answers: Answer[] = [
    response => response.writeHead(503).end(),
    response => response.end('<html>'),
    response => response.end(),
    response => response.end(JSON.stringify({ version: 7 })),
    response => response.end(`"${'x'.repeat(3000)}"`),
    () => undefined,
  ]
  const from = await served(response => (answers.shift() ?? json(region('eu', eu)))(response))
  const one = await device({
    discovery: from.url,
    limits: { ...quick, discoveryMaxBytes: 2000, discoveryTimeoutMs: 200 },
  })
  const warnings: string[] = []
  one.on('warning', ({ message }) => warnings.push(message.replace(from.url, 'URL')))
  expect((await next(one, 'online')).region).toBe('eu')
  expect(warnings).toEqual([
    'Discovery at URL failed: it answered 503',
    'Discovery at URL failed: its answer is not JSON: "<html>"',
    'Discovery at URL failed: its answer is not JSON: ""',
    'Discovery at URL failed: Discovery document has version 7, version 1 is needed',
    'Discovery at URL failed: its document has more than 2000 bytes',
    expect.stringMatching(/^Discovery at URL failed: .*timeout/),
  ])
  await from.close()
  await next(one, 'warning')
  await one.publish('a', 'b')
  expect(one.region).toBe('eu')
})

test('a device that starts while discovery is away goes where it was told last', async () => {
  const eu = await broker()
  const from = await served(json(region('eu', eu)))
  const options = { clientId: freshId(), discovery: from.url, outbox: join(folder(), 'outbox'), limits: quick }
  const first = await device(options)
  await next(first, 'online')
  await first.close()
  await from.close()
  expect((await next(await device(options), 'online')).region).toBe('eu')
})
