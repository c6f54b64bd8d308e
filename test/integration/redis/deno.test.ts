/** The state in Redis on Deno, over both transports: each reads what the other wrote. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DRIVERS, Servers } from './servers.ts'

let servers: Servers
beforeAll(async () => {
  servers = await Servers.start()
})
afterAll(() => servers.stop())

test('Deno writes and reads over TCP and REST', async () => {
  const program = new URL('deno-program.ts', import.meta.url).pathname
  const urls = DRIVERS.map(name => servers.url(name))
  const { stdout } = await promisify(execFile)(new URL('../../../node_modules/.bin/deno', import.meta.url).pathname, [
    'run',
    '-A',
    '--no-check',
    program,
    ...urls,
  ])
  expect(stdout.trim().split('\n')).toEqual([':redis:/ 200,1', ':redis:/ 200,1, :upstash 200,1'])
}, 60_000)
