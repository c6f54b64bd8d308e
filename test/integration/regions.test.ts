/** Regions on this machine, with their real processes: up, messages in a region, cut off, healed, killed, restored, down, and nothing left. Once by command behind relays, once as a library with network namespaces. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { namespacesWork } from '../../infra/local/regions/network.ts'
import { type Regions, startRegions } from '../../infra/local/regions/start.ts'
import type { RegionsStatus } from '../../infra/local/regions/status.ts'

const UP_MS = 240_000
const POLL = { timeout: 30_000, interval: 100 }
const root = join(import.meta.dirname, '../..')
const MAIN = join(root, 'infra/local/regions/main.node.ts')
const folder = (): string => mkdtempSync(join(tmpdir(), 'meridian-regions-'))

const connectTo = (url: string): Promise<MqttClient> =>
  connectAsync(url, { protocolVersion: 5, connectTimeout: 10_000, reconnectPeriod: 0 }, false)

const message = (client: MqttClient): Promise<string> =>
  new Promise(resolve => client.once('message', (_topic, payload) => resolve(payload.toString())))

/** Publishes to itself over that endpoint. @returns ms from PUBLISH to its arrival */
async function echo(url: string): Promise<number> {
  const client = await connectTo(url)
  try {
    await client.subscribeAsync('echo', { qos: 1 })
    const arrived = message(client)
    const begun = performance.now()
    await client.publishAsync('echo', 'hello', { qos: 1 })
    await arrived
    return performance.now() - begun
  } finally {
    client.end(true)
  }
}

/** True if nothing answers there for a while and nobody refuses. */
async function hangs(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_500) })
    return false
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError'
  }
}

const answers = async (url: string): Promise<boolean> => (await fetch(url).catch(() => undefined))?.ok === true

/** What of the folder still runs. */
const leftOf = (dir: string): string => spawnSync('pgrep', ['-fa', dir], { encoding: 'utf8' }).stdout
const namespaces = (): string[] =>
  spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    .stdout.split('\n')
    .map(line => line.split(' ')[0]!)

async function command(dir: string, ...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...words, '--dir', dir])
  return stdout
}

describe('by command, behind relays', () => {
  const dir = folder()
  let up: RegionsStatus
  const status = async (): Promise<RegionsStatus> => JSON.parse(await command(dir, 'status', '--json')) as RegionsStatus
  const region = (name: string) => up.regions.find(one => one.name === name)!

  beforeAll(async () => {
    const words = ['--regions', 'eu,ap', '--sites', 'eu', '--wan-ms', '20', '--no-namespaces', '--json']
    up = JSON.parse(await command(dir, 'up', ...words)) as RegionsStatus
  }, UP_MS)

  afterAll(async () => {
    await command(dir, 'down')
    rmSync(dir, { recursive: true, force: true })
  }, 90_000)

  test('each process has name, kind, pid and health', () => {
    expect(up).toMatchObject({ namespaces: false, wanMs: 20, loss: 0, global: { namespace: null } })
    const names = ({ processes }: { processes: RegionsStatus['global']['processes'] }) =>
      processes.map(({ name, kind, health }) => `${name} ${kind} ${health}`)
    expect(names(up.global)).toEqual(['redis redis ready', 'wan relay ready', 'devices relay ready'])
    expect(names(region('eu'))).toEqual([
      'namesrv rocketmq-namesrv ready',
      'broker rocketmq-broker ready',
      'proxy rocketmq-proxy ready',
      'core-1 core ready',
      'edge-1 edge ready',
    ])
    expect(names(region('ap'))).toEqual(['edge-1 edge ready'])
    expect(region('ap')).toMatchObject({ isSite: false, namespace: null, cut: [], cores: [] })
  })

  test('devices exchange messages in each region; the WAN lies between them where it should', async () => {
    await echo(region('eu').mqtt)
    // A warm one: only the least of some times says how long the way is.
    const least = async (url: string) => Math.min(await echo(url), await echo(url), await echo(url))
    expect(await least(region('ap').mqtt)).toBeGreaterThanOrEqual(39)
    expect(await least(region('ap').from.eu!.mqtt)).toBeGreaterThanOrEqual(79)
    // One short way is enough to say that it is not the long one.
    await expect.poll(() => echo(region('eu').ws), { timeout: 20_000 }).toBeLessThan(39)
  }, 60_000)

  test('every edge tells of all regions', async () => {
    const { regions } = (await (await fetch(`${region('eu').http}/regions`)).json()) as { regions: unknown[] }
    expect(regions).toMatchObject([
      { name: 'eu', endpoints: [region('eu').mqtt, region('eu').ws] },
      { name: 'ap', endpoints: [region('ap').mqtt, region('ap').ws] },
    ])
  })

  test('a region that is cut off is silent, its processes run on, and it heals', async () => {
    await command(dir, 'cut', 'eu')
    const now = (await status()).regions[0]!
    expect(now.cut).toEqual(['devices', 'wan', 'redis'])
    expect(now.processes.every(({ pid }) => pid !== null)).toBe(true)
    expect(await hangs(region('eu').http)).toBe(true)
    // Its core was the only one.
    await expect.poll(() => answers(`${region('ap').http}/readyz`), POLL).toBe(false)
    await expect(command(dir, 'restore', 'eu')).rejects.toThrow("Region 'eu' is cut off")
    await command(dir, 'heal', 'eu')
    await expect.poll(() => answers(`${region('ap').http}/readyz`), POLL).toBe(true)
    await echo(region('eu').mqtt)
  }, 120_000)

  test('in a partition devices reach their region, and it reaches Redis if that is asked for', async () => {
    await command(dir, 'cut', 'eu', '--wan-only', '--keep-redis')
    expect((await status()).regions[0]!.cut).toEqual(['wan'])
    await echo(region('eu').mqtt)
    await expect.poll(() => answers(`${region('ap').http}/readyz`), POLL).toBe(false)
    expect(await command(dir, 'cut', 'eu', '--wan-only')).toBe('eu is cut off from wan, redis\n')
    expect((await status()).regions[0]!.cut).toEqual(['wan', 'redis'])
    expect(await command(dir, 'heal', 'eu')).toBe('eu is no longer cut off from wan, redis\n')
    expect(await command(dir, 'heal', 'eu')).toBe('eu was not cut off\n')
    await expect.poll(() => answers(`${region('ap').http}/readyz`), POLL).toBe(true)
  }, 120_000)

  test(
    'what is killed is refused, and back with its data and ports after restore',
    async () => {
      const client = await connectTo(region('eu').mqtt)
      await client.publishAsync('kept', 'still here', { qos: 1, retain: true })
      client.end(true)
      expect(await command(dir, 'kill', 'eu')).toBe('eu: killed namesrv, broker, proxy, core-1, edge-1\n')
      expect(await command(dir, 'kill', 'eu')).toBe('Nothing of it was running in eu\n')
      const killed = (await status()).regions[0]!
      expect(killed.processes.map(({ pid, health }) => [pid, health])).toEqual(Array(5).fill([null, 'stopped']))
      await expect(connectTo(region('eu').mqtt)).rejects.toThrow()
      await command(dir, 'restore', 'eu')
      const back = await connectTo(region('eu').mqtt)
      const retained = message(back)
      await back.subscribeAsync('kept', { qos: 1 })
      expect(await retained).toBe('still here')
      back.end(true)
      await expect.poll(() => answers(`${region('ap').http}/readyz`), POLL).toBe(true)
    },
    UP_MS,
  )

  test('what makes no sense is refused with status 2', async () => {
    for (const [words, text] of [
      [['up', '--regions', 'eu,eu'], "Region 'eu' is named twice"],
      [['up', '--regions', 'eu', '--sites', 'us'], "Site 'us' is no region"],
      [['up', '--regions', 'eu,us', '--no-namespaces'], 'holds other regions'],
      [['up'], '--regions is missing'],
      [['cut', 'us'], "Region 'us' is not known; the regions are 'eu', 'ap'"],
      [['kill', 'eu', '--only', 'cellar'], "Region 'eu' has no 'cellar'"],
      [['heal'], 'The name of a region is missing'],
      [['up', '--regions', 'eu', '--wan-ms', 'slow'], "--wan-ms is 'slow'"],
      [['fly'], 'Usage:'],
      [['up', '--foo'], "Unknown option '--foo'\nUsage:"],
    ] as const)
      await expect(command(dir, ...words)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(text) })
  }, 60_000)

  test('down leaves nothing running', async () => {
    await command(dir, 'down')
    expect(leftOf(dir)).toBe('')
    expect(await command(dir, 'down')).toContain('Nothing was running')
    await expect(command(dir, 'cut', 'eu')).rejects.toMatchObject({ code: 2 })
  }, 90_000)
})

describe.skipIf(!namespacesWork())('as a library, in network namespaces (root)', () => {
  const dir = folder()
  let all: Regions

  beforeAll(async () => {
    all = await startRegions({ dir, regions: ['eu', 'ap'], sites: ['eu'], wanMs: 20 })
  }, UP_MS)

  afterAll(async () => {
    await all?.stop()
    rmSync(dir, { recursive: true, force: true })
  }, 60_000)

  test('each region is a namespace of its own with the usual ports', async () => {
    const { regions, global } = await all.status()
    expect(regions.map(({ mqtt }) => new URL(mqtt).port)).toEqual(['1883', '1883'])
    expect(namespaces()).toEqual(expect.arrayContaining([global.namespace, ...regions.map(one => one.namespace)]))
    const [near, far] = [all.endpointsFrom('eu'), all.endpointsFrom('ap')]
    expect(near[0]?.mqtt).toBe(all.regions.eu?.mqtt)
    expect(far[0]?.mqtt).not.toBe(all.regions.eu?.mqtt)
    await echo(near[1]!.mqtt)
    await all.setWan({ wanMs: 60 })
    expect(await echo(far[0]!.mqtt)).toBeGreaterThanOrEqual(119)
  }, 60_000)

  test('a cut stops the bytes of open connections, too; after it they go on', async () => {
    const { eu } = all.regions
    const client = await connectTo(eu!.mqtt)
    await eu!.cut()
    let answered = false
    const published = client.publishAsync('t', 'x', { qos: 1 }).then(() => {
      answered = true
    })
    expect(await hangs(eu!.http)).toBe(true)
    expect(answered).toBe(false)
    expect(client.connected).toBe(true)
    await eu!.heal()
    await published
    client.end(true)
    await echo(eu!.mqtt)
  }, 60_000)

  test(
    'a part of a region is killed and restored',
    async () => {
      const { ap } = all.regions
      await ap!.kill('edges')
      expect(ap!.processes.map(({ pid }) => pid)).toEqual([null])
      await expect(connectTo(ap!.mqtt)).rejects.toThrow()
      await ap!.restore()
      await echo(ap!.mqtt)
    },
    UP_MS,
  )

  test('stop leaves neither processes nor namespaces', async () => {
    const { regions, global } = await all.status()
    await all.stop()
    expect(leftOf(dir)).toBe('')
    for (const name of [global.namespace, ...regions.map(one => one.namespace)])
      expect(namespaces()).not.toContain(name)
  }, 60_000)
})

test.each([
  ['up --regions eu --keep-redis', 'regions:up takes no --keep-redis\nUsage:'],
  ['status --wan-ms 5', 'regions:status takes no --wan-ms\nUsage:'],
  ['cut eu --json', 'regions:cut takes no --json\nUsage:'],
  ['heal eu --only=edges', 'regions:heal takes no --only\nUsage:'],
  ['kill eu --no-namespaces', 'regions:kill takes no --no-namespaces\nUsage:'],
  ['restore eu --wan-only', 'regions:restore takes no --wan-only\nUsage:'],
  ['down --regions eu', 'regions:down takes no --regions\nUsage:'],
])('a flag of another command is refused: %s', async (words, text) => {
  await expect(command(tmpdir(), ...words.split(' '))).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(text),
  })
})

test('regions end with the program that started them, also when that is killed', async () => {
  const dir = folder()
  const script = `import { startRegions } from '${join(root, 'infra/local/regions/start.ts')}'
await startRegions({ dir: '${dir}', regions: ['eu'], onStep: console.log })`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('RocketMQ: broker') && resolve())
  })
  expect(leftOf(dir)).not.toBe('')
  child.kill('SIGKILL')
  await expect.poll(() => leftOf(dir), { timeout: 30_000, interval: 250 }).toBe('')
  rmSync(dir, { recursive: true, force: true })
}, 120_000)
