/** The HTTP side of an edge as a Hono app: MQTT over WebSocket, health, metrics, a page. Must not name a runtime: upgrading is handed in. */
import { type Context, Hono } from 'hono'
import type { Peer } from '../listen/transport.ts'
import type { HttpContext, Pages } from './context.ts'
import { routeDrain } from './drain.ts'
import { renderPage } from './page.ts'
import { answerRegions } from './regions.ts'
import { chooseSubprotocol, offeredSubprotocols } from './subprotocol.ts'

/** How a runtime makes a request a WebSocket. */
export interface WebSocketHost {
  /**
   * Answers the handshake with `protocol`, makes the transport and hands it to the factory. `leave` must be called once
   * when the connection is over, also when the handshake comes to nothing.
   */
  upgrade(c: Context, protocol: string, leave: () => void): Response | Promise<Response>
  /** False while the process stops: pages are served, MQTT is not. */
  accepting(): boolean
}

/** Limits of MQTT over WebSocket that both runtimes share. */
export const WS_OUT_BYTES = 256 * 1024
/** A frame may hold several packets [MQTT-6.0.0-2]: this much beyond the largest packet. */
const WS_FRAME_EXTRA_BYTES = 64 * 1024
export const maxFrameBytes = (limits: HttpContext['limits']): number => limits.maxPacketBytes + WS_FRAME_EXTRA_BYTES

/** A peer that came through HTTP. */
export const webPeer = (address: string, port: number, secure: boolean, certificateName?: string): Peer => ({
  address,
  port,
  listener: secure ? 'wss' : 'ws',
  certificateName,
  secure,
})

/**
 * Routes: `/mqtt` always, and `/` for a WebSocket handshake; for devices `/regions`, `/healthz` and `/readyz`; with all pages also `/drain` if there is an
 * admin, `/metrics` and `/`.
 */
export function createApp(context: HttpContext, host: WebSocketHost, pages: Pages = 'all'): Hono {
  const app = new Hono()
  app.get('/mqtt', c => openMqtt(c, context, host))
  // Clients that are told no path.
  app.get('/', (c, next) => (wantsWebSocket(c) ? openMqtt(c, context, host) : next()))
  if (pages !== 'none') routeForDevices(app, context, pages === 'all')
  if (pages === 'all') routeForOperators(app, context)
  app.notFound(c => c.text('Not found\n', 404))
  app.onError((_error, c) => c.text('Internal error\n', 500))
  return app
}

/** `reasons`: says why it is not ready. */
function routeForDevices(app: Hono, context: HttpContext, reasons: boolean): void {
  app.get('/regions', c => answerRegions(c, context))
  app.get('/healthz', c => c.text('ok\n'))
  app.get('/readyz', c => {
    const ready = context.ready()
    if (ready.ok) return c.text('ok\n')
    return c.text(reasons ? `${ready.reasons.join('\n')}\n` : 'Not ready\n', 503)
  })
}

function routeForOperators(app: Hono, context: HttpContext): void {
  const startedAt = Date.now()
  if (context.admin !== undefined) routeDrain(app, context.admin)
  app.get('/metrics', async c =>
    c.body(await context.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
  app.get('/', c => renderPage(c, context, startedAt))
}

/** Both headers: without `Connection` a server leaves the request an ordinary one [RFC 6455, 4.2.1], on a connection that goes on. */
const wantsWebSocket = (c: Context): boolean =>
  c.req.header('upgrade')?.toLowerCase() === 'websocket' &&
  /(^|[\s,])upgrade($|[\s,])/i.test(c.req.header('connection') ?? '')

async function openMqtt(c: Context, context: HttpContext, host: WebSocketHost): Promise<Response> {
  if (!wantsWebSocket(c)) {
    return c.text('MQTT over WebSocket: connect with a WebSocket client and subprotocol mqtt\n', 426, {
      upgrade: 'websocket',
    })
  }
  const protocol = chooseSubprotocol(offeredSubprotocols(c.req.header('sec-websocket-protocol')))
  if (protocol === undefined) return c.text('Subprotocol mqtt or mqttv3.1 is required\n', 400)
  const origin = c.req.header('origin')
  if (origin !== undefined && context.allowedOrigins !== undefined && !context.allowedOrigins.includes(origin)) {
    return c.text('This origin may not connect\n', 403)
  }
  const { gate } = context
  if (!host.accepting() || (gate !== undefined && !(await gate.admit()))) {
    return c.text('No more connections at the moment\n', 503, { 'retry-after': '1' })
  }
  let inside = gate !== undefined
  const leave = (): void => {
    if (inside) gate?.leave()
    inside = false
  }
  try {
    const response = await host.upgrade(c, protocol, leave)
    if (response.status >= 400) leave()
    return response
  } catch (error) {
    leave()
    throw error
  }
}
