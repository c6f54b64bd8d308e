/** Edge and core apart without RocketMQ and Redis: a core with its data in memory or in a folder. Workers, pages, refusals, Deno. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePort, until } from '../harness/process.ts'
import { certificate } from '../integration/listen-harness.ts'
import { Client, persistently } from './client.ts'
import { bootLines, type Program, pageOf, start } from './program.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 40_000 })

const TOKEN = 'a-token-for-these-tests'
const CORE = ['core', '--id', 'c1', '--http-port', '0', '--link-token', TOKEN]
const EDGE = ['edge', '--mqtt-port', '0', '--http-port', '0', '--link-token', TOKEN]
const children: Program[] = []

afterEach(async () => {
  await Promise.all(children.splice(0).map(child => child.end('SIGKILL')))
})

async function started(...args: Parameters<typeof start>): Promise<Program> {
  const child = await start(...args)
  children.push(child)
  return child
}
const urlOf = (core: Program): string => `ws://127.0.0.1:${core.port('http')}`
const ready = (port: number) => until('it to be ready', 20_000, async () => (await isReady(port)) || undefined)
const isReady = async (port: number): Promise<boolean> => (await pageOf(port, '/readyz')).status === 200

describe('pages', () => {
  let core: Program
  let edge: Program
  beforeAll(async () => {
    core = await start([...CORE, '--data-dir', ':memory:'])
    edge = await start([...EDGE, '--id', 'e1', '--region', 'north', '--core', urlOf(core)])
    await ready(edge.port('ws'))
  })
  afterAll(() => Promise.all([edge.end('SIGKILL'), core.end('SIGKILL')]))

  test('of the core: who is linked, health, metrics', async () => {
    const port = core.port('http')
    expect(await pageOf(port, '/healthz')).toEqual({ status: 200, text: 'ok\n' })
    expect(await pageOf(port, '/readyz')).toEqual({ status: 200, text: 'ok\n' })
    const home = await pageOf(port, '/')
    expect(home.text).toContain('Meridian core c1')
    expect(home.text).toMatch(/<td>e1<\/td><td>north<\/td>.*linked/)
    const { text } = await pageOf(port, '/metrics')
    expect(text).toContain('meridian_core_active 1')
    expect(text).toContain('meridian_link_links 1')
    expect(text).toMatch(/meridian_core_info\{id="c1",site="default",version="[^"]+"\} 1/)
    expect((await pageOf(port, '/nothing')).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).status).toBe(405)
    expect((await pageOf(port, '/link')).status).not.toBe(200)
  })

  test('of the edge', async () => {
    const { text } = await pageOf(edge.port('ws'), '/metrics')
    expect(text).toContain('meridian_edge_info{id="e1",region="north"} 1')
    expect(text).toContain('meridian_link_links 1')
    expect(JSON.parse((await pageOf(edge.port('ws'), '/regions')).text)).toEqual({
      version: 1,
      self: 'north',
      regions: [
        {
          name: 'north',
          weight: 1,
          healthy: true,
          endpoints: [`mqtt://127.0.0.1:${edge.port('tcp')}`, `ws://127.0.0.1:${edge.port('ws')}/mqtt`],
        },
      ],
    })
  })

  test('the boot lines name the processes and no secret', () => {
    expect(core.boot).toMatchObject({ id: 'c1', settings: { linkToken: '[redacted]' } })
    expect(edge.boot).toMatchObject({ id: 'e1', settings: { linkToken: '[redacted]' } })
    expect(core.output() + edge.output()).not.toContain(TOKEN)
  })
})

test('an edge without a core says so, lets nobody in (0x88), and is ready when the core comes', async () => {
  const later = await freePort()
  const edge = await started([...EDGE, '--core', `ws://127.0.0.1:${later}`])
  const { status, text } = await pageOf(edge.port('ws'), '/readyz')
  expect(status).toBe(503)
  expect(text).toContain('No core is linked')
  await expect(Client.at(edge.port('tcp'))).rejects.toThrow('Server unavailable')
  await started([...CORE, '--data-dir', ':memory:', '--http-port', String(later)])
  await ready(edge.port('ws'))
  await (await Client.at(edge.port('tcp'))).leave()
})

test('an edge with another token is refused', async () => {
  const core = await started([...CORE, '--data-dir', ':memory:'])
  const words = ['edge', '--mqtt-port', '0', '--http-port', '0', '--link-token', 'another-token-than-that']
  const edge = await started([...words, '--core', urlOf(core)])
  await until('the refusal', 10_000, () => edge.output().includes('is not right') || undefined)
  expect(await isReady(edge.port('ws'))).toBe(false)
})

test('a link over TLS: the core is checked, and an edge without a certificate of the authority is not let in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-link-tls-'))
  try {
    certificate(folder, 'ca', 'Authority')
    certificate(folder, 'core', 'localhost', 'ca')
    certificate(folder, 'edge', 'edge', 'ca')
    const file = (name: string): string => join(folder, name)
    const pair = ['--tls-cert-file', file('core.crt'), '--tls-key-file', file('core.key')]
    const tls = [...pair, '--tls-ca-file', file('ca.crt')]
    const core = await started([...CORE, '--data-dir', ':memory:', ...tls])
    const trusting = [...EDGE, '--core', `wss://localhost:${core.port('https')}`, '--link-ca-file', file('ca.crt')]
    const known = ['--link-cert-file', file('edge.crt'), '--link-key-file', file('edge.key')]
    const edge = await started([...trusting, ...known])
    await ready(edge.port('ws'))
    const unknown = await started(trusting)
    await until('the refusal', 10_000, () => unknown.output().includes('link-failed') || undefined)
    const careful = await started([...EDGE, '--core', `wss://localhost:${core.port('https')}`])
    await until('the doubt', 10_000, () => /link-failed.*certificate/.exec(careful.output())?.[0])
    expect(await isReady(unknown.port('ws'))).toBe(false)
    expect(await isReady(careful.port('ws'))).toBe(false)
    expect(await isReady(edge.port('ws'))).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a core with its data in a folder is killed and comes back with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-embedded-'))
  try {
    const words = [...CORE, '--data-dir', folder]
    const core = await started(words)
    const edge = await started([...EDGE, '--core', urlOf(core)])
    await ready(edge.port('ws'))
    const sub = await Client.kept(edge.port('tcp'), 'sub')
    await sub.subscribe('a/#', 1)
    await sub.leave()
    const pub = await Client.at(edge.port('tcp'))
    await pub.publish('a/1', 'safe', 1)
    await core.end('SIGKILL')
    await started([...words, '--http-port', String(core.port('http'))])
    const back = await persistently('the session', 20_000, () => Client.kept(edge.port('tcp'), 'sub'))
    expect(back.present).toBe(true)
    expect(await back.received(1)).toEqual(['safe'])
    await Promise.all([back.vanish(), pub.vanish()])
  } finally {
    await Promise.all(children.splice(0).map(child => child.end('SIGKILL')))
    rmSync(folder, { recursive: true, force: true })
  }
})

describe('workers', () => {
  test('share the port, are edges of their own, come again when they die, and end with their parent', async () => {
    const core = await started([...CORE, '--data-dir', ':memory:'])
    const edge = await started([...EDGE, '--id', 'e1', '--core', urlOf(core), '--workers', '2'])
    const both = ['<td>e1-1</td>', '<td>e1-2</td>']
    const linked = () =>
      until('both to be linked', 20_000, async () => {
        const { text } = await pageOf(core.port('http'), '/')
        return both.every(cell => text.includes(cell)) && !text.includes('away') ? true : undefined
      })
    await linked()
    const clients = await Promise.all(Array.from({ length: 12 }, () => Client.at(edge.port('tcp'))))
    for (const one of clients) await one.subscribe('all', 1)
    await clients[0]!.publish('all', 'hello', 1)
    for (const one of clients) expect(await one.received(1)).toEqual(['hello'])
    const own = bootLines(edge.output())
      .filter(line => line.workers === undefined)
      .map(line => line.listeners.at(-1)!.port)
    const sessions = await Promise.all(own.map(async port => numberOf((await pageOf(port, '/metrics')).text)))
    expect(sessions.reduce((sum, one) => sum + one, 0)).toBe(12)

    process.kill(edge.boot.workers![0]!, 'SIGKILL')
    await until('it to be started again', 20_000, () => bootLines(edge.output()).length === 4 || undefined)
    await linked()
    await edge.end('SIGTERM')
    expect(edge.ended()).toBe(0)
    await Promise.all(clients.map(one => one.vanish()))
    expect(edge.output().match(/"msg":"Stopped"/g)).toHaveLength(3)
  })

  test('end when their parent was killed', async () => {
    const edge = await started([...EDGE, '--core', 'ws://127.0.0.1:9', '--workers', '2'])
    const pids = edge.boot.workers!
    await edge.end('SIGKILL')
    await until('the workers to end', 10_000, () => pids.every(isGone) || undefined)
  })

  test('a port that is taken ends all of them with a reason', async () => {
    const first = await started([...EDGE, '--core', 'ws://127.0.0.1:9'])
    const words = [...EDGE, '--core', 'ws://127.0.0.1:9', '--mqtt-port', String(first.port('tcp')), '--workers', '2']
    await expect(start(words)).rejects.toThrow(/port is taken[\s\S]*ended before it listened: exit status 1/)
  })
})

test('edge and core on Deno', async () => {
  const core = await started([...CORE, '--data-dir', ':memory:'], 'deno')
  const deno = await started([...EDGE, '--id', 'd1', '--core', urlOf(core)], 'deno')
  const node = await started([...EDGE, '--id', 'n1', '--core', urlOf(core)])
  await Promise.all([ready(deno.port('ws')), ready(node.port('ws'))])
  const sub = await Client.at(deno.port('tcp'))
  await sub.subscribe('deno/#', 2)
  const pub = await Client.at(node.port('tcp'))
  for (const qos of [0, 1, 2] as const) await pub.publish('deno/1', `${qos}`, qos)
  expect((await sub.received(3)).sort()).toEqual(['0', '1', '2'])
  await Promise.all([sub.leave(), pub.leave()])
  await deno.end('SIGTERM')
  expect(deno.ended()).toBe(0)
  await expect(start([...EDGE, '--core', urlOf(core), '--workers', '2'], 'deno')).rejects.toThrow('run it on Node')
})

const numberOf = (metrics: string): number => Number(/^meridian_sessions (\d+)$/m.exec(metrics)?.[1])

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
