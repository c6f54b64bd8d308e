/** The `{ fetch }` entry as a host runs it: `deno serve` on a free port of the loopback address. Owns the process; knows nothing of MQTT. */
import { join, resolve } from 'node:path'
import { freePort, type Running, run, until } from './process.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const DENO = join(ROOT, 'node_modules/.bin/deno')
const BUNDLE = join(resolve(ROOT, process.env.MERIDIAN_TEST_DIST ?? 'dist'), 'meridian.fetch.deno.mjs')
const BOOT_MS = 20_000

export interface Host {
  readonly process: Running
  readonly http: string
  readonly ws: string
}

type Env = Readonly<Record<string, string>>

export function spawnHost(port: number, env: Env): Running {
  const args = ['serve', '-A', '--host', '127.0.0.1', '--port', String(port), BUNDLE]
  return run(DENO, args, { env: { ...process.env, NO_COLOR: '1', ...env } })
}

/** Resolves when pages are served. Throws with the output of the host if it ends before. */
export async function serveHost(env: Env, spawned: (running: Running) => void): Promise<Host> {
  const port = await freePort()
  const started = spawnHost(port, env)
  spawned(started)
  const http = `http://127.0.0.1:${port}`
  await until('the host to serve', BOOT_MS, async () => {
    if (started.ended() !== undefined) throw new Error(`The host ended with ${started.ended()}:\n${started.output()}`)
    const health = await fetch(`${http}/healthz`).catch(() => undefined)
    return health?.ok ? true : undefined
  })
  return { process: started, http, ws: `ws://127.0.0.1:${port}/mqtt` }
}
