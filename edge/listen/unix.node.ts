/** MQTT over a Unix socket, for tools on the same machine. Owns the socket file; must not remove one that somebody answers on. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Listener, ListenOptions } from './listener.ts'
import { listenPlain } from './socket-listener.node.ts'
import type { ConnectionFactory } from './transport.ts'

export interface UnixOptions extends Pick<ListenOptions, 'gate' | 'endTimeoutMs'> {
  readonly path: string
  /** Permissions of the socket file; default 0o600: the owner only. */
  readonly mode?: number
}

/**
 * Listens at `path`. A file left by a process that died is removed, but only if it is a socket that nobody answers on;
 * otherwise it rejects with a text that names the path.
 */
export async function listenUnix(options: UnixOptions, factory: ConnectionFactory): Promise<Listener> {
  await removeStale(options.path)
  const listener = await listenPlain('unix', { path: options.path }, options, factory)
  await chmod(options.path, options.mode ?? 0o600)
  return listener
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`Cannot listen on '${path}' (unix): a file that is no socket is there`)
  if (await answers(path)) {
    throw new Error(`Cannot listen on '${path}' (unix): another process answers there; stop it or choose another path`)
  }
  await unlink(path)
}

/** Anything but a plain refusal counts as an answer, so that a socket is never taken from a busy or foreign process. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', error => resolve(!('code' in error && error.code === 'ECONNREFUSED')))
  })
}
