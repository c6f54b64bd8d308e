/** Redis over TLS: its certificate is of an authority of one's own, or of one that is not known. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Incarnation } from '../../../core/contract/ids.ts'
import type { Driver } from '../../../core/state/redis/driver.ts'
import { openRedis } from '../../../core/state/redis/open.node.ts'
import { CORE } from '../../../infra/config/commands.ts'
import { load } from '../../../infra/config/load.ts'
import { apart } from '../../../infra/core/apart.node.ts'
import { freePorts } from '../../../infra/local/ports.ts'
import { type Redis, startRedis } from '../../../infra/local/redis.ts'
import { certificate } from '../listen-harness.ts'
import { Holder } from './servers.ts'

let dir = ''
let redis: Redis
let url = ''
const drivers: Driver[] = []
const file = (name: string): string => join(dir, name)
const pem = (name: string): string => readFileSync(file(name), 'utf8')

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-redis-tls-'))
  certificate(dir, 'ca', 'Test CA')
  certificate(dir, 'stranger', 'Another CA')
  certificate(dir, 'redis', 'localhost', 'ca')
  writeFileSync(file('empty.crt'), '')
  mkdirSync(file('redis'))
  const port = await freePorts(1)
  const pair = ['--tls-cert-file', file('redis.crt'), '--tls-key-file', file('redis.key')]
  const args = ['--tls-port', String(port), ...pair, '--tls-ca-cert-file', file('ca.crt'), '--tls-auth-clients', 'no']
  redis = await startRedis({ dir: file('redis'), args })
  url = `rediss://localhost:${port}`
})
afterAll(async () => {
  for (const driver of drivers) driver.close()
  await redis?.stop(0)
  rmSync(dir, { recursive: true, force: true })
})

async function open(ca?: string, to = url): Promise<Driver> {
  const driver = await openRedis({ url: to, timeoutMs: 1_000, ...(ca === undefined ? {} : { ca }) })
  drivers.push(driver)
  return driver
}

test("an authority of one's own", async () => {
  const holder = await Holder.take(await open(pem('ca.crt')), 'tls')
  await holder.commit()
})

test.each([
  ['the usual authorities', () => undefined, () => url, 'self-signed certificate in certificate chain'],
  ['another authority', () => pem('stranger.crt'), () => url, 'self-signed certificate in certificate chain'],
  ['another name', () => pem('ca.crt'), () => url.replace('localhost', '127.0.0.1'), 'altnames'],
])('not with %s', async (_what, ca, to, why) => {
  await expect(Holder.take(await open(ca(), to()), 'tls')).rejects.toThrow(why)
})

test.each([
  ['none.crt', 'ENOENT'],
  ['empty.crt', 'Nothing in it is PEM'],
])('a core does not start with %s', async (name, why) => {
  const argv = ['--rocketmq', '127.0.0.1:1', '--state', url, '--redis-ca-file', file(name)]
  const { config } = load(CORE, { argv, env: {}, readFile: path => readFileSync(path, 'utf8') })
  if (config.stores.are !== 'apart') throw new Error('Stores are not apart')
  const log = pino({ level: 'silent' })
  const started = apart({ config, stores: config.stores, incarnation: 'one' as Incarnation, log })
  await expect(started).rejects.toThrow(`redisCaFile is '${file(name)}': ${why}`)
})
