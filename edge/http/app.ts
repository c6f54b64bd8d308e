/** The HTTP side of an edge as a Hono app: MQTT over WebSocket, health, metrics, a page. Must not name a runtime: upgrading is handed in. */
import { type Context, Hono } from 'hono'
import type { Peer } from '../listen/transport.ts'
import type { HttpContext } from './context.ts'
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

/** Routes: `/mqtt`, `/regions`, `/drain` if there is an admin, `/healthz`, `/readyz`, `/metrics`, `/`. */
export function createApp(context: HttpContext, host: WebSocketHost): Hono {
  const app = new Hono()
  const startedAt = Date.now()
  app.get('/mqtt', c => openMqtt(c, context, host))
  app.get('/regions', c => answerRegions(c, context))
  if (context.admin !== undefined) routeDrain(app, context.admin)
  app.get('/healthz', c => c.text('ok\n'))
  app.get('/readyz', c => {
    const { ok, reasons } = context.ready()
    return ok ? c.text('ok\n') : c.text(`${reasons.join('\n')}\n`, 503)
  })
  app.get('/metrics', async c =>
    c.body(await context.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
  app.get('/', c => renderPage(c, context, startedAt))
  app.notFound(c => c.text('Not found\n', 404))
  app.onError((_error, c) => c.text('Internal error\n', 500))
  return app
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
