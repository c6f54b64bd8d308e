/** The page at `/`: what runs here and how to connect. Self-contained; must not load anything or show anything secret. */
import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { HttpContext, ListenerInfo } from './context.ts'
import { PAGE_SCRIPT, PAGE_STYLE } from './page-assets.ts'

/** Renders for the host name the browser used, because that is the one that works for its user. */
export async function renderPage(c: Context, context: HttpContext, startedAt: number): Promise<Response> {
  const url = new URL(c.req.url)
  const nonce = crypto.randomUUID()
  c.header('content-security-policy', policy(nonce))
  c.header('x-content-type-options', 'nosniff')
  c.header('referrer-policy', 'no-referrer')
  c.header('cache-control', 'no-store')
  const ready = context.ready()
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Meridian MQTT gateway</title>
<style nonce="${nonce}">${raw(PAGE_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>Meridian</h1>
<p>MQTT 3.1.1 and 5.0 gateway, version ${context.version}, up ${duration(Date.now() - startedAt)}.
<strong class="${ready.ok ? 'good' : 'bad'}">${ready.ok ? 'Ready' : `Not ready: ${ready.reasons.join(', ')}`}</strong></p>
</header>
${counts(context)}
<h2>Connect</h2>
${examples(url, context.listeners()).map(
  ({ title, code }) =>
    html`<section><h3>${title}</h3><div class="code"><pre>${code}</pre><button type="button">Copy</button></div></section>`,
)}
<h2>Listeners</h2>
<table>
<thead><tr><th>Transport</th><th>Address</th></tr></thead>
<tbody>${context.listeners().map(one => html`<tr><td>${LABELS[one.kind] ?? one.kind}</td><td><code>${place(one)}</code></td></tr>`)}</tbody>
</table>
<footer><a href="/healthz">healthz</a> <a href="/readyz">readyz</a> <a href="/metrics">metrics</a></footer>
</main>
<script nonce="${nonce}">${raw(PAGE_SCRIPT)}</script>
</body>
</html>`
  return c.html(await body)
}

const policy = (nonce: string): string =>
  `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const LABELS: Readonly<Record<string, string>> = {
  tcp: 'MQTT over TCP',
  tls: 'MQTT over TLS',
  ws: 'HTTP and MQTT over WebSocket',
  wss: 'HTTPS and MQTT over WebSocket',
  unix: 'MQTT over a Unix socket',
}

function counts({ stats }: HttpContext): ReturnType<typeof html> {
  const rows: readonly (readonly [string, number])[] = [
    ['connections', stats.nowConnections],
    ['live sessions', stats.nowSessions],
    ['subscriptions', stats.nowSubscriptions],
    ['messages in', stats.publishesIn0 + stats.publishesIn1 + stats.publishesIn2],
    ['deliveries', stats.deliveries0 + stats.deliveries1 + stats.deliveries2],
  ]
  return html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value.toLocaleString('en')}</dd></div>`)}</dl>`
}

interface Example {
  readonly title: string
  readonly code: string
}

/** Lines that work as they stand from where the page is read, for the listeners that exist. */
function examples(url: URL, listeners: readonly ListenerInfo[]): Example[] {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const found: Example[] = []
  const tcp = listeners.find(one => one.kind === 'tcp')
  const tls = listeners.find(one => one.kind === 'tls')
  const mosquitto = tcp ? `-h ${host} -p ${tcp.port}` : tls ? `-h ${host} -p ${tls.port} --cafile ca.crt` : undefined
  if (mosquitto !== undefined) {
    found.push({ title: 'Subscribe', code: `mosquitto_sub ${mosquitto} -V 5 -q 1 -v -t 'demo/#'` })
    found.push({ title: 'Publish', code: `mosquitto_pub ${mosquitto} -V 5 -q 1 -t demo/hello -m 'Hello'` })
  }
  const address = `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}/mqtt`
  found.push({ title: 'From a browser or Node, with MQTT.js', code: mqttJs(address) })
  return found
}

const mqttJs = (address: string): string => `import mqtt from 'mqtt'

const client = mqtt.connect('${address}', { protocolVersion: 5 })
client.on('message', (topic, payload) => console.log(topic, payload.toString()))
await client.subscribeAsync('demo/#', { qos: 1 })
await client.publishAsync('demo/hello', 'Hello', { qos: 1 })`

function place({ kind, host, port }: ListenerInfo): string {
  if (kind === 'unix') return host
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The two largest units: `3 days 4 h`, `12 min 5 s`. */
export function duration(ms: number): string {
  const total = Math.floor(ms / 1000)
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(total / 86_400), 'days'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .map(([value, unit]) => `${value} ${value === 1 && unit === 'days' ? 'day' : unit}`)
    .join(' ')
}
