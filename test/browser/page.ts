/** The page a browser opens: MQTT.js from its browser bundle, a round trip over WebSocket, the result posted back. Served on loopback; no framework. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** What the page reports: the payloads it received, or what went wrong. */
export interface Result {
  readonly received: readonly string[]
  readonly error: string | undefined
}

const html = (wsUrl: string): string => `<!doctype html>
<meta charset="utf-8"><title>MQTT over WebSocket</title>
<script src="/mqtt.js"></script>
<script>
  const post = body => fetch('/result', { method: 'POST', body: JSON.stringify(body) })
  const client = mqtt.connect(${JSON.stringify(wsUrl)}, { protocolVersion: 5, reconnectPeriod: 0 })
  const received = []
  client.on('error', error => post({ received, error: String(error) }))
  client.on('message', (topic, payload, packet) => {
    received.push(topic + ' ' + packet.qos + ' ' + payload.toString())
    if (received.length === 3) client.end(false, {}, () => post({ received }))
  })
  client.on('connect', () => client.subscribe('browser/#', { qos: 2 }, () => {
    for (const qos of [0, 1, 2]) client.publish('browser/' + qos, 'grüße', { qos })
  }))
</script>`

export interface Page {
  readonly url: string
  readonly result: Promise<Result>
  close(): Promise<void>
}

/** Serves the page for this broker on a free port. */
export async function servePage(wsUrl: string): Promise<Page> {
  const script = readFileSync(
    join(dirname(createRequire(import.meta.url).resolve('mqtt/package.json')), 'dist/mqtt.min.js'),
  )
  let report: (result: Result) => void = () => undefined
  const result = new Promise<Result>(resolve => {
    report = resolve
  })
  const server: Server = createServer((request, response) => {
    if (request.url === '/mqtt.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(script)
    } else if (request.method === 'POST') {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8')
      })
      request.on('end', () => {
        response.end()
        const parsed = JSON.parse(body) as { received: readonly string[]; error?: string }
        report({ received: parsed.received, error: parsed.error })
      })
    } else {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(html(wsUrl))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/`,
    result,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
