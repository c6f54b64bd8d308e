/** HTTP and MQTT over WebSocket on Node, over real sockets, without a gateway behind. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import type { Admin } from '../../edge/http/drain.ts'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import { EdgeStats } from '../../edge/stats.ts'
import { sleep, until } from './listen-harness.ts'
import { dial, opened, raw, serve, undo } from './listen-http-harness.ts'

describe('MQTT over WebSocket', () => {
  test('answers with the subprotocol that the client offered [MQTT-6.0.0-3] [MQTT-6.0.0-4]', async () => {
    const { listener, seen } = await serve()
    for (const [offered, chosen] of [
      [['mqtt'], 'mqtt'],
      [['mqttv3.1'], 'mqttv3.1'],
      [['other', 'mqtt'], 'mqtt'],
    ] as const) {
      const client = dial(listener, [...offered])
      await opened(client)
      expect(client.socket.protocol).toBe(chosen)
    }
    const unknown = dial(listener, ['other'])
    const none = dial(listener, [])
    await until('both are refused', () => unknown.status === 400 && none.status === 400)
    expect(seen.length).toBe(3)
  })

  test('a client that is told no path is served too, where pages are and where they are not', async () => {
    for (const pages of ['all', 'devices', 'none'] as const) {
      const { listener, url } = await serve({}, { pages })
      const client = dial(listener, ['mqtt'], {}, 'ws', '/')
      await opened(client)
      client.socket.send(Buffer.from('hello'))
      await until('the echo', () => client.text === 'hello')
      expect((await fetch(`${url}/`)).status).toBe(pages === 'all' ? 200 : 404)
    }
  })

  test('packets may share or span frames [MQTT-6.0.0-2]', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    for (const part of ['a', 'bc', 'def']) client.socket.send(Buffer.from(part))
    client.socket.send(Buffer.from('g'), { fin: false })
    client.socket.send(Buffer.from('h'), { fin: true })
    await until('all of it', () => client.text === 'abcdefgh')
    expect(seen[0]?.peer).toMatchObject({ address: '127.0.0.1', listener: 'ws', secure: false })
    client.frames = 0
    seen[0]?.transport.writev([Buffer.from('1'), Buffer.from('2')])
    await until('one frame', () => client.text.endsWith('12'))
    expect(client.frames).toBe(1)
  })

  test('a text frame closes the connection [MQTT-6.0.0-1]', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    client.socket.send('hello')
    await until('closed', () => client.code === 1003 && seen[0]?.closed === 1)
    expect(seen[0]?.text).toBe('')
  })

  test('a frame beyond the largest packet closes the connection', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    client.socket.send(Buffer.alloc(100_000))
    await until('a large packet', () => seen[0]?.text.length === 100_000)
    client.socket.send(Buffer.alloc(200_000))
    await until('closed', () => client.code === 1009 && seen[0]?.closed === 1)
    expect(seen[0]?.text.length).toBe(100_000)
  })

  test('end flushes, then closes', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    await until('a connection', () => seen.length === 1)
    seen[0]?.transport.write(Buffer.alloc(2_000_000))
    seen[0]?.transport.end()
    await until('closed', () => client.code === 1000 && seen[0]?.closed === 1)
    expect(client.text.length).toBe(2_000_000)
  })

  test('a write that does not fit says so, and drained follows', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    await until('a connection', () => seen.length === 1)
    client.socket.pause()
    let more = true
    for (let i = 0; i < 400; i++) more = seen[0]?.transport.write(Buffer.alloc(50_000)) ?? true
    expect(more).toBe(false)
    await sleep(50)
    expect(seen[0]?.drained).toBe(0)
    client.socket.resume()
    await until('drained', () => seen[0]?.drained === 1)
    expect(seen[0]?.transport.write(Buffer.from('x'))).toBe(true)
    await until('all of it', () => client.text.length === 20_000_001)
  })

  test('pause holds the device back', async () => {
    const { listener, seen } = await serve({}, {}, () => {})
    const client = dial(listener)
    await opened(client)
    await until('a connection', () => seen.length === 1)
    seen[0]?.transport.pause()
    for (let i = 0; i < 200; i++) client.socket.send(Buffer.alloc(100_000))
    await sleep(100)
    expect(seen[0]?.text.length).toBeLessThan(1_000_000)
    seen[0]?.transport.resume()
    await until('all of it', () => seen[0]?.text.length === 20_000_000)
  })

  test('answers pings, but does not pile answers up for a peer that does not read', async () => {
    const { listener, seen } = await serve()
    const client = dial(listener)
    await opened(client)
    let pongs = 0
    client.socket.on('pong', () => {
      pongs += 1
    })
    client.socket.ping()
    await until('a pong', () => pongs === 1)
    expect(seen[0]?.closed).toBe(0)
  })

  test('the gate counts, refuses beyond its ceiling and forgets who left', async () => {
    const stats = new EdgeStats()
    const gate = new AcceptGate({ acceptPerSecond: 1e6, acceptBurst: 1e6, maxConnections: 1 }, stats)
    const { listener } = await serve({ stats, gate })
    const first = dial(listener)
    await opened(first)
    expect(stats.nowConnections).toBe(1)
    const second = dial(listener)
    await until('refused', () => second.status === 503)
    first.socket.close()
    await until('left', () => stats.nowConnections === 0)
    const badKey = connect(listener.port, '127.0.0.1')
    undo.push(() => badKey.destroy())
    badKey.write(
      'GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n',
    )
    await until('refused', () => badKey.readableEnded || badKey.bytesRead > 0)
    await until('left', () => stats.nowConnections === 0)
  })

  test('a request that asks for no upgrade takes no place, however often it comes on one connection', async () => {
    const stats = new EdgeStats()
    const gate = new AcceptGate({ acceptPerSecond: 1e6, acceptBurst: 1e6, maxConnections: 2 }, stats)
    const { listener } = await serve({ stats, gate })
    const ordinary = connect(listener.port, '127.0.0.1')
    undo.push(() => ordinary.destroy())
    let answers = ''
    ordinary.on('data', chunk => {
      answers += chunk
    })
    for (let i = 0; i < 3; i++)
      ordinary.write('GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n')
    await until('three answers', () => answers.split('HTTP/1.1 426').length === 4)
    expect(stats.accepted).toBe(0)
    await opened(dial(listener))
  })

  test('only allowed origins, and clients without one', async () => {
    const { listener } = await serve({ allowedOrigins: ['https://good.example'] })
    const bad = dial(listener, ['mqtt'], { origin: 'https://bad.example' })
    await until('refused', () => bad.status === 403)
    await opened(dial(listener, ['mqtt'], { origin: 'https://good.example' }))
    await opened(dial(listener))
  })

  test('stopAccepting refuses MQTT and goes on serving pages; close ends what is open', async () => {
    const { listener, seen, url } = await serve()
    const client = dial(listener)
    await opened(client)
    listener.stopAccepting()
    const late = dial(listener)
    await until('refused', () => late.status === 503)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await listener.close()
    await until('closed', () => client.code !== undefined && seen[0]?.closed === 1)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })
})

describe('pages', () => {
  test('the regions, for any page to read; an edge that knows none is a region of its own', async () => {
    const { url } = await serve({ ready: () => ({ ok: false, reasons: ['Draining'] }) })
    const response = await fetch(`${url}/regions`, { headers: { origin: 'https://app.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(await response.json()).toEqual({
      version: 1,
      self: 'default',
      regions: [{ name: 'default', weight: 1, healthy: false, endpoints: ['mqtt://127.0.0.1:1883'] }],
    })
  })

  test('health, readiness with reasons, unknown paths', async () => {
    let reasons: string[] = []
    const { url } = await serve({ ready: () => ({ ok: reasons.length === 0, reasons }) })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    reasons = ['Draining', 'Log is not open']
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('Draining\nLog is not open\n')
    expect((await fetch(`${url}/other`)).status).toBe(404)
    expect((await fetch(`${url}/mqtt`)).status).toBe(426)
  })

  test.each([
    ['all', { '/regions': 200, '/healthz': 200, '/readyz': 503, '/metrics': 200, '/': 200, '/drain': 401 }],
    ['devices', { '/regions': 200, '/healthz': 200, '/readyz': 503, '/metrics': 404, '/': 404, '/drain': 404 }],
    ['none', { '/regions': 404, '/healthz': 404, '/readyz': 404, '/metrics': 404, '/': 404, '/drain': 404 }],
  ] as const)('what is served with pages %s; MQTT always, reasons only with all', async (pages, expected) => {
    const admin = { token: 'an-admin-token-for-tests', drain: {} as Admin['drain'] }
    const ready = () => ({ ok: false, reasons: ['Redis cannot be reached'] })
    const { listener, url } = await serve({ ready, admin }, { pages })
    for (const [path, status] of Object.entries(expected))
      expect([path, (await fetch(url + path)).status]).toEqual([path, status])
    expect((await (await fetch(`${url}/readyz`)).text()).includes('Redis')).toBe(pages === 'all')
    await opened(dial(listener))
  })

  test('metrics follow the counters', async () => {
    const { url, stats } = await serve()
    stats.deliveries1 = 7
    stats.nowSessions = 3
    const response = await fetch(`${url}/metrics`)
    const text = await response.text()
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    expect(text).toContain('meridian_deliveries_total{qos="1"} 7')
    expect(text).toContain('meridian_sessions 3')
    expect(text).toContain('# HELP meridian_messages_dropped_total ')
    expect(text).toContain('meridian_build_info{version="1.2.3"} 1')
  })

  test('the first page shows how to connect and loads nothing', async () => {
    const { url, listener } = await serve()
    const response = await fetch(`${url}/`)
    const page = await response.text()
    expect(page).toContain('version 1.2.3')
    expect(page).toContain('mosquitto_sub -h 127.0.0.1 -p 1883')
    expect(page).toContain(`ws://127.0.0.1:${listener.port}/mqtt`)
    expect(page).not.toMatch(/(src|href)="(?!\/(healthz|readyz|metrics)")/)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('a host header cannot put markup on the page', async () => {
    const { listener } = await serve()
    const answer = await raw(listener, 'GET / HTTP/1.1\r\nHost: <script>x\r\nConnection: close\r\n\r\n')
    expect(answer).not.toContain('<script>x')
  })
})

describe('HTTP limits', () => {
  test('half a request is cut off in time', async () => {
    const { listener } = await serve({ limits: { ...DEFAULT_LIMITS, connectTimeoutMs: 200 } })
    const started = Date.now()
    const [half, silent] = await Promise.all([raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n'), raw(listener, '')])
    expect(half).toContain('408')
    expect(silent).not.toContain('200')
    expect(Date.now() - started).toBeLessThan(3000)
  })

  test('headers beyond 16 KiB are refused', async () => {
    const { listener } = await serve()
    const answer = await raw(listener, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toContain('431')
  })

  test('a taken port is refused with a text that names it', async () => {
    const { listener } = await serve()
    await expect(serve({}, { port: listener.port })).rejects.toThrow(`Cannot listen on 127.0.0.1:${listener.port} (ws)`)
  })
})
