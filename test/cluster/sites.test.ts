/** One edge with the cores of two sites, each a process with its data in memory: where it links, where it goes when a site is lost, and when it comes back. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { freePort, until } from '../harness/process.ts'
import { Client, persistently } from './client.ts'
import { type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 60_000 })

const TOKEN = 'a-token-for-these-tests'
const EDGE = ['edge', '--mqtt-port', '0', '--http-port', '0', '--link-token', TOKEN]
const QUICK = ['--limits-site-probe-ms', '300', '--limits-site-failback-ms', '2500']
const children: Program[] = []
afterEach(async () => {
  await Promise.all(children.splice(0).map(child => child.end('SIGKILL')))
})

async function started(...words: string[]): Promise<Program> {
  const child = await start(words)
  children.push(child)
  return child
}
const coreOf = (site: string, port = 0): Promise<Program> => {
  const words = ['core', '--id', `${site}1`, '--site', site, '--http-port', `${port}`, '--link-token', TOKEN]
  return started(...words, '--data-dir', ':memory:')
}
const urlOf = (core: Program): string => `ws://127.0.0.1:${core.port('http')}`

const metric = async (edge: Program, name: string): Promise<number> => {
  const { text } = await pageOf(edge.port('ws'), '/metrics')
  const value = text.split('\n').find(line => line.startsWith(`${name} `))
  return value === undefined ? Number.NaN : Number(value.slice(name.length))
}
/** Resolves with the ms it took. */
async function linked(edge: Program, site: string, withinMs: number): Promise<number> {
  const since = Date.now()
  await until(`the link to ${site}`, withinMs, async () =>
    (await metric(edge, `meridian_edge_site_linked{site="${site}"}`)) === 1 ? true : undefined,
  )
  return Date.now() - since
}
const isReady = async (edge: Program): Promise<boolean> => (await pageOf(edge.port('ws'), '/readyz')).status === 200

test('a killed site: the edge is at the other one at once; it goes back when the preferred one has been there for a while', async () => {
  const [eu, us] = await Promise.all([coreOf('eu'), coreOf('us')])
  const edge = await started(...EDGE, ...QUICK, '--site', 'eu', '--core', urlOf(us), '--core', urlOf(eu))
  await linked(edge, 'eu', 5_000)
  const device = await Client.at(edge.port('tcp'))
  await device.subscribe('a', 1)
  await eu.end('SIGKILL')
  expect(await linked(edge, 'us', 10_000)).toBeLessThan(3_000)
  await device.closed()
  expect(device.disconnected).toBe(0x8b)
  const again = await persistently('a connection', 5_000, () => Client.at(edge.port('tcp')))
  await again.subscribe('a', 1)
  await again.publish('a', 'over there', 1)
  expect(await again.received(1)).toEqual(['over there'])
  expect(await isReady(edge)).toBe(true)

  await coreOf('eu', eu.port('http'))
  expect(await linked(edge, 'eu', 15_000)).toBeGreaterThan(1_000)
  await again.closed()
  expect(await metric(edge, 'meridian_link_switches_total')).toBe(2)
  expect(await metric(edge, 'meridian_edge_site_healthy{site="us"}')).toBe(1)
  expect(await metric(edge, 'meridian_edge_site_rtt_seconds{site="us"}')).toBeLessThan(0.5)
  expect((await pageOf(us.port('http'), '/')).text, 'it has said good-bye').not.toContain('<td>away</td>')
  const back = await persistently('a connection', 5_000, () => Client.at(edge.port('tcp')))
  await back.leave()
})

test('before the link goes back devices are sent away at a rate, and no will is published for it', async () => {
  const [eu, us] = await Promise.all([coreOf('eu'), coreOf('us')])
  const cores = ['--core', urlOf(eu), '--core', urlOf(us)]
  const edge = await started(...EDGE, ...QUICK, '--limits-drain-clients-per-sec', '10', '--site', 'eu', ...cores)
  const beside = await started(...EDGE, '--core', urlOf(us))
  await Promise.all([linked(edge, 'eu', 5_000), linked(beside, 'us', 5_000)])
  await eu.end('SIGKILL')
  await linked(edge, 'us', 10_000)
  const watcher = await Client.at(beside.port('tcp'))
  await watcher.subscribe('wills/#', 1)
  const devices = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      Client.at(edge.port('tcp'), {
        will: { topic: `wills/${i}`, payload: Buffer.from('gone'), qos: 1, retain: false },
      }),
    ),
  )
  const closedAt: number[] = []
  const closing = devices.map(one => one.closed(30_000).then(() => closedAt.push(Date.now())))
  await coreOf('eu', eu.port('http'))
  await Promise.race(closing)
  const { status, text } = await pageOf(edge.port('ws'), '/readyz')
  expect([status, text]).toEqual([503, 'Its link goes to another site\n'])
  const waits = Client.at(edge.port('tcp'))
  await Promise.all(closing)
  const tookMs = Math.max(...closedAt) - Math.min(...closedAt)
  expect(tookMs).toBeGreaterThan(1_300)
  expect(tookMs).toBeLessThan(6_000)
  expect(devices.map(one => one.disconnected)).toEqual(devices.map(() => 0x8b))
  await (await waits).leave()
  expect(await linked(edge, 'eu', 5_000), 'who has waited is there').toBeLessThan(2_000)
  await new Promise(done => setTimeout(done, 1_000))
  expect(watcher.payloads).toEqual([])
  await watcher.leave()
})

test('a site that falls silent is left after three heartbeats', async () => {
  const [eu, us] = await Promise.all([coreOf('eu'), coreOf('us')])
  const edge = await started(...EDGE, ...QUICK, '--site', 'eu', '--core', urlOf(eu), '--core', urlOf(us))
  await linked(edge, 'eu', 5_000)
  process.kill(eu.pid, 'SIGSTOP')
  try {
    const tookMs = await linked(edge, 'us', 15_000)
    expect(tookMs).toBeGreaterThan(1_500)
    expect(tookMs).toBeLessThan(12_000)
    await (await persistently('a connection', 5_000, () => Client.at(edge.port('tcp')))).leave()
  } finally {
    process.kill(eu.pid, 'SIGCONT')
  }
})

test('a core that speaks another version of the link is refused with a clear error, and the rest goes on', async () => {
  const detail = 'Link version 2 is not spoken, only 1'
  const old = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(old, 'listening')
  try {
    old.on('connection', socket =>
      socket.once('message', () => {
        socket.send(Buffer.from(JSON.stringify({ is: 'refused', version: 1, why: 'version', detail })))
        socket.close(1008, 'version')
      }),
    )
    const us = await coreOf('us')
    const soon = ['--limits-link-lost-ms', '1000']
    const url = `ws://127.0.0.1:${(old.address() as AddressInfo).port}`
    const edge = await started(...EDGE, ...QUICK, ...soon, '--core', url, '--core', urlOf(us))
    await linked(edge, 'us', 5_000)
    await until('the error', 5_000, () => edge.output().includes(`Refused (version): ${detail}`) || undefined)
    const device = await Client.at(edge.port('tcp'))
    await us.end('SIGKILL')
    await device.closed()
    expect(await isReady(edge)).toBe(false)
    await coreOf('us', us.port('http'))
    await linked(edge, 'us', 15_000)
  } finally {
    for (const socket of old.clients) socket.terminate()
    old.close()
  }
})

test('an edge that starts before its cores links to the preferred one', async () => {
  const [euPort, usPort] = [await freePort(), await freePort()]
  const cores = ['--core', `ws://127.0.0.1:${usPort}`, '--core', `ws://127.0.0.1:${euPort}`]
  const edge = await started(...EDGE, '--site', 'eu', ...cores)
  expect(await isReady(edge)).toBe(false)
  await Promise.all([coreOf('us', usPort), coreOf('eu', euPort)])
  await linked(edge, 'eu', 10_000)
  expect(await metric(edge, 'meridian_link_switches_total')).toBe(0)
})
