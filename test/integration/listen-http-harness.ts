/** What the tests of HTTP and WebSocket listeners share: a listener without a gateway behind, and clients of it. All end after the test. */
import { connect } from 'node:net'
import { afterEach } from 'vitest'
import { WebSocket } from 'ws'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import type { HttpContext } from '../../edge/http/context.ts'
import { createRegistry } from '../../edge/http/metrics.ts'
import { type ServeOptions, serveHttp } from '../../edge/http/serve.node.ts'
import type { Listener } from '../../edge/listen/listener.ts'
import type { Transport } from '../../edge/listen/transport.ts'
import { EdgeStats } from '../../edge/stats.ts'
import { recorder, until } from './listen-harness.ts'

/** What ends what a test started; done after it, the last first. */
export const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

/** A listener on a free port; it answers what comes over MQTT with `reply`, an echo by default. */
export async function serve(
  context: Partial<HttpContext> = {},
  options: Partial<ServeOptions> = {},
  reply: (transport: Transport, text: string) => void = (transport, text) => void transport.write(Buffer.from(text)),
) {
  const { seen, factory } = recorder(reply)
  const stats = context.stats ?? new EdgeStats()
  const listener = await serveHttp(
    { host: '127.0.0.1', port: 0, ...options },
    {
      factory,
      limits: { ...DEFAULT_LIMITS, maxPacketBytes: 100_000 },
      stats,
      version: '1.2.3',
      ready: () => ({ ok: true, reasons: [] }),
      listeners: () => [{ kind: 'tcp', host: '0.0.0.0', port: 1883 }],
      metrics: () => createRegistry(stats, '1.2.3').metrics(),
      ...context,
    },
  )
  undo.push(() => listener.close())
  return { listener, seen, stats, url: `http://127.0.0.1:${listener.port}` }
}

/** What a WebSocket has seen: all text, the number of frames, its close code, the HTTP status it was refused with. */
export interface Client {
  readonly socket: WebSocket
  text: string
  frames: number
  code: number | undefined
  status: number | undefined
}

export function dial(
  listener: Listener,
  protocols: string[] = ['mqtt'],
  options: object = {},
  scheme = 'ws',
  path = '/mqtt',
): Client {
  const host = scheme === 'wss' ? 'localhost' : '127.0.0.1'
  const socket = new WebSocket(`${scheme}://${host}:${listener.port}${path}`, protocols, options)
  const client: Client = { socket, text: '', frames: 0, code: undefined, status: undefined }
  socket.on('message', data => {
    client.text += (data as Buffer).toString('latin1')
    client.frames += 1
  })
  socket.on('unexpected-response', (request, response) => {
    client.status = response.statusCode
    request.destroy()
  })
  socket.on('error', () => {})
  socket.on('close', code => {
    client.code = code
  })
  undo.push(() => socket.terminate())
  return client
}

export const opened = (client: Client): Promise<void> =>
  until('open', () => client.socket.readyState === WebSocket.OPEN)

/** Everything the server says until it closes. */
export function raw(listener: Listener, request: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(listener.port, '127.0.0.1')
    undo.push(() => socket.destroy())
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
    socket.write(request)
  })
}
