/** The REST proxy against a real Redis server: Upstash's own client, plain HTTP, refusals, and Redis away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as Upstash } from '@upstash/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Redis, startRedis } from '../../infra/local/redis.ts'
import { type RestProxy, startRestProxy } from '../../infra/local/rest-proxy/start.ts'

const dir = mkdtempSync(join(tmpdir(), 'meridian-rest-'))
let redis: Redis
let rest: RestProxy
let client: Upstash

beforeAll(async () => {
  redis = await startRedis({ dir: join(dir, 'redis'), appendonly: true })
  rest = await startRestProxy({ dir: join(dir, 'rest'), redisUrl: redis.url })
  client = new Upstash({ url: rest.url, token: rest.token, enableTelemetry: false, retry: false })
}, 30_000)

afterAll(async () => {
  await rest?.stop()
  await redis?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const http = (path: string, init: RequestInit = {}) =>
  fetch(`${rest.url}${path}`, { ...init, headers: { authorization: `Bearer ${rest.token}`, ...init.headers } })
const post = (path: string, body: unknown) => http(path, { method: 'POST', body: JSON.stringify(body) })

describe('@upstash/redis', () => {
  test('strings, also those that are no ASCII, and OK in every place', async () => {
    expect(await client.set('s', 'Zürich 🚋')).toBe('OK')
    expect(await client.get('s')).toBe('Zürich 🚋')
    expect(await client.set('ok', 'OK')).toBe('OK')
    expect(await client.get('ok')).toBe('OK')
    expect(await client.mget('ok', 'none', 's')).toEqual(['OK', null, 'Zürich 🚋'])
    expect(await client.get('none')).toBeNull()
  })

  test('numbers, hashes, sorted sets and nested replies', async () => {
    expect(await client.incr('n')).toBe(1)
    expect(await client.hset('h', { a: '1x', b: 'two' })).toBe(2)
    expect(await client.hgetall('h')).toEqual({ a: '1x', b: 'two' })
    expect(await client.zadd('z', { score: 1.5, member: 'm' })).toBe(1)
    expect(await client.zrange('z', 0, -1, { withScores: true })).toEqual(['m', 1.5])
    expect(await client.eval('return {1, {"a", {"b"}}, false}', [], [])).toEqual([1, ['a', ['b']], null])
  })

  test('scripts by hash: NOSCRIPT, load, run', async () => {
    const script = 'return redis.call("INCRBY", KEYS[1], ARGV[1])'
    const sha = await client.scriptLoad(script)
    await client.scriptFlush()
    await expect(client.evalsha(sha, ['count'], ['5'])).rejects.toThrow(/NOSCRIPT/)
    await client.scriptLoad(script)
    expect(await client.evalsha(sha, ['count'], ['5'])).toBe(5)
  })

  test('what is asked in one turn comes back in order through pipelines', async () => {
    const results = await Promise.all(Array.from({ length: 2_000 }, () => client.incr('many')))
    expect(results).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1))
  })

  test('an error in a pipeline leaves its neighbours alone', async () => {
    const results = await client.pipeline().set('p', 'text').incr('p').get('p').exec({ keepErrors: true })
    expect(results.map(({ result, error }) => error?.split(' ')[0] ?? result)).toEqual(['OK', 'ERR', 'text'])
  })

  test('a transaction', async () => {
    expect(await client.multi().set('t', '1x').append('t', 'y').get('t').exec()).toEqual(['OK', 3, '1xy'])
  })
})

describe('HTTP', () => {
  test('without Upstash-Encoding strings come as they are', async () => {
    expect(await (await post('/', ['SET', 'plain', 'ä', 'EX', 100])).json()).toEqual({ result: 'OK' })
    expect(await (await post('/', ['GET', 'plain'])).json()).toEqual({ result: 'ä' })
  })

  test('commands in the path, with a body and a query', async () => {
    expect(await (await http('/set/path/a%2Fb?EX=100')).json()).toEqual({ result: 'OK' })
    expect(await (await http('/get/path')).json()).toEqual({ result: 'a/b' })
    expect(await (await http('/set/path?EX=100', { method: 'POST', body: 'from a body' })).json()).toEqual({
      result: 'OK',
    })
    expect(await (await http('/get/path')).json()).toEqual({ result: 'from a body' })
    expect(await (await http('/ttl/path')).json()).toEqual({ result: expect.closeTo(100, -1) as number })
    const byQuery = await fetch(`${rest.url}/ping?_token=${rest.token}`)
    expect(await byQuery.json()).toEqual({ result: 'PONG' })
  })

  test('401 without the token', async () => {
    for (const authorization of ['', 'Bearer wrong', rest.token]) {
      const response = await http('/ping', { headers: { authorization } })
      expect([response.status, await response.json()]).toEqual([401, { error: expect.any(String) as string }])
    }
  })

  test.each([
    ['no JSON', '/', '{'],
    ['no array', '/', '{"a":1}'],
    ['an empty command', '/', '[]'],
    ['a null', '/', '["GET",null]'],
    ['a command that Redis does not know', '/', '["NONSENSE"]'],
    ['a command that changes the connection', '/', '["SELECT","1"]'],
    ['a command that blocks', '/', '["xread","block","0","STREAMS","a","0"]'],
    ['a pipeline that is no array of arrays', '/pipeline', '["GET","a"]'],
    ['a transaction with a command that Redis does not know', '/multi-exec', '[["SET","x","1"],["NONSENSE"]]'],
  ])('400 for %s', async (_, path, body) => {
    const response = await http(path, { method: 'POST', body })
    expect([response.status, await response.json()]).toEqual([400, { error: expect.any(String) as string }])
  })

  test('413 for more than 10 MiB', async () => {
    expect((await post('/', ['SET', 'big', 'x'.repeat(11 * 1024 * 1024)])).status).toBe(413)
  })
})

test('503 while Redis is away; what it kept is there afterwards', async () => {
  await client.set('kept', 'value')
  await redis.server.stop()
  expect((await post('/', ['GET', 'kept'])).status).toBe(503)
  expect((await post('/pipeline', [['GET', 'kept']])).status).toBe(503)
  expect((await post('/multi-exec', [['GET', 'kept']])).status).toBe(503)
  await redis.server.start()
  await expect.poll(() => client.get('kept').catch(() => 'away'), { timeout: 5_000 }).toBe('value')
})
