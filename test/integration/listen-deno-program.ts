/** Runs on Deno, started by listen-deno.test.ts: listeners that echo, then prints what happened as JSON lines. */
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { createRegistry } from '../../edge/http/metrics.ts'
import { serveHttp } from '../../edge/http/serve.deno.ts'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import { listenTcp } from '../../edge/listen/tcp.deno.ts'
import { listenTls } from '../../edge/listen/tls.node.ts'
import type { ConnectionFactory } from '../../edge/listen/transport.ts'
import { EdgeStats } from '../../edge/stats.ts'

const [certFile = '', keyFile = ''] = process.argv.slice(2)
const say = (line: object): void => console.log(JSON.stringify(line))

const stats = new EdgeStats()
const gate = new AcceptGate(DEFAULT_LIMITS, stats)

/** Echoes; `flood` answers with 20 MB and reports when there is room again, `end` ends, `count` reports the open connections, `stop` closes all listeners. */
const factory: ConnectionFactory = transport => {
  say({ is: 'open', ...transport.peer })
  return {
    data: chunk => {
      const text = new TextDecoder().decode(chunk.subarray(0, 16))
      if (text === 'flood') {
        let full = false
        for (let i = 0; i < 400; i++) full = !transport.write(new Uint8Array(50_000)) || full
        say({ is: 'flooded', full })
      } else if (text === 'end') {
        transport.write(new TextEncoder().encode('bye'))
        transport.end()
      } else if (text === 'count') say({ is: 'count', connections: stats.nowConnections })
      else if (text === 'stop') void stop()
      else transport.writev([chunk, chunk])
    },
    drained: () => say({ is: 'drained' }),
    closed: () => say({ is: 'closed', listener: transport.peer.listener }),
  }
}

const where = { host: '127.0.0.1', port: 0, gate }
const tcp = await listenTcp(where, factory)
const tls = await listenTls(
  { ...where, handshakeTimeoutMs: 1000, tls: { certificates: [{ certFile, keyFile }] } },
  factory,
)
const http = await serveHttp(where, {
  factory,
  gate,
  limits: { ...DEFAULT_LIMITS, maxPacketBytes: 100_000, connectTimeoutMs: 500 },
  stats,
  version: '1.2.3',
  ready: () => ({ ok: true, reasons: [] }),
  listeners: () => [tcp, tls].map(one => ({ kind: one.kind, host: one.address, port: one.port })),
  metrics: () => createRegistry(stats, '1.2.3').metrics(),
})
say({ is: 'listening', tcp: tcp.port, tls: tls.port, http: http.port })

async function stop(): Promise<void> {
  await Promise.all([tcp, tls, http].map(one => one.close()))
  say({ is: 'stopped', connections: stats.nowConnections })
}
