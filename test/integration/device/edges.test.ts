/** The device SDK at edges of two regions with one core: what they say at `GET /regions`, a drain, a lost edge. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Program, start } from '../../cluster/program.ts'
import { freePort, sleep, until } from '../../harness/process.ts'
import { device, ending, endsAfterEachTest, folder, next } from './rig.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 40_000 })
endsAfterEachTest()

const ADMIN = 'an-admin-token-for-tests'
const SECRETS = ['--link-token', 'a-token-for-these-tests']

interface Regions {
  readonly edges: Readonly<Record<'eu' | 'us', Program>>
  readonly discovery: readonly string[]
  readonly core: Program
}

/** `eu` is preferred by its weight. */
async function regions(): Promise<Regions> {
  const program = async (...words: string[]): Promise<Program> =>
    ending(await start(words), each => each.end('SIGKILL'))
  const core = await program('core', '--id', 'c1', '--http-port', '0', ...SECRETS, '--data-dir', ':memory:')
  const ports = { eu: [await freePort(), await freePort()], us: [await freePort(), await freePort()] } as const
  const listed = (['eu', 'us'] as const).map(name => {
    const [mqtt, http] = ports[name]
    const endpoints = [`mqtt://127.0.0.1:${mqtt}`, `ws://127.0.0.1:${http}/mqtt`]
    return { name, weight: name === 'eu' ? 100 : 1, endpoints, health: `http://127.0.0.1:${http}/readyz` }
  })
  const config = join(folder(), 'regions.yaml')
  writeFileSync(config, JSON.stringify({ regions: listed, adminToken: ADMIN, limits: { regionHealthMs: 200 } }))
  const edge = (name: 'eu' | 'us'): Promise<Program> => {
    const [mqtt, http] = ports[name]
    const where = [
      '--mqtt-port',
      String(mqtt),
      '--http-port',
      String(http),
      '--core',
      `ws://127.0.0.1:${core.port('http')}`,
    ]
    return program('edge', '--id', `edge-${name}`, '--region', name, '--config', config, ...where, ...SECRETS)
  }
  const edges = { eu: await edge('eu'), us: await edge('us') }
  const discovery = [ports.eu, ports.us].map(([, http]) => `http://127.0.0.1:${http}/regions`)
  await until('both regions to be healthy', 20_000, async () => {
    const documents = await Promise.all(discovery.map(async url => (await fetch(url)).text()))
    return documents.every(text => text.match(/"healthy":true/g)?.length === 2) ? true : undefined
  })
  return { edges, discovery, core }
}

/** All is near here: only the weight says which region is better. */
const limits = {
  hysteresisMs: 0,
  reviewMs: 500,
  reviewRounds: 1,
  discoveryRefreshMs: 300,
  avoidMs: 300,
  backoffBaseMs: 100,
}

test('a drained region is left at its Server Reference, with no publish failed, no message lost or twice, and returned to afterwards', async () => {
  const { edges, discovery } = await regions()
  const drain = (method: 'POST' | 'DELETE') =>
    fetch(`http://127.0.0.1:${edges.eu.port('ws')}/drain`, { method, headers: { authorization: `Bearer ${ADMIN}` } })
  const receiver = await device({ discovery, preferRegion: 'us', limits })
  const got: number[] = []
  receiver.on('message', message => got.push(Number(message.text())))
  await receiver.subscribe('drained', { qos: 2 })
  const sender = await device({ discovery, limits })
  const moves: string[] = []
  sender.on('region', ({ to, because }) => moves.push(`${to}: ${because}`))
  const failed: unknown[] = []
  let n = 0
  const publishing = setInterval(() => {
    sender.publish('drained', String(n++), { qos: 2 }).catch(error => failed.push(error))
  }, 10)
  await next(sender, 'online')
  await sleep(300)
  const away = next(sender, 'region')
  expect((await drain('POST')).status).toBeLessThan(300)
  await away
  await sleep(2000)
  expect(moves).toEqual(['eu: start', 'us: reference'])
  const back = next(sender, 'region')
  await drain('DELETE')
  await back
  await sleep(300)
  clearInterval(publishing)
  await sender.flush()
  await until('all of them', 20_000, () => (got.length >= n ? true : undefined))
  expect(moves).toEqual(['eu: start', 'us: reference', 'eu: better'])
  expect(failed).toEqual([])
  expect(got).toEqual(Array.from({ length: n }, (_, index) => index))
})

test('an edge that is killed costs moments, and nothing that was published', async () => {
  const { edges, discovery } = await regions()
  const receiver = await device({ discovery, preferRegion: 'us', limits })
  const got: number[] = []
  receiver.on('message', message => got.push(Number(message.text())))
  await receiver.subscribe('killed', { qos: 2 })
  const sender = await device({ discovery, limits })
  await next(sender, 'online')
  let n = 0
  const publishing = setInterval(() => void sender.publish('killed', String(n++), { qos: 2 }), 10)
  await sleep(500)
  const moved = next(sender, 'region')
  await edges.eu.end('SIGKILL')
  expect(await moved).toMatchObject({ from: 'eu', to: 'us', because: 'lost' })
  await sleep(300)
  clearInterval(publishing)
  await sender.flush()
  await until('all of them', 20_000, () => (got.length >= n ? true : undefined))
  expect(got).toEqual(Array.from({ length: n }, (_, index) => index))
})
