/** HTTP and MQTT over WebSocket on Node behind a load balancer and over TLS, over real sockets, without a gateway behind. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { get } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { EdgeStats } from '../../edge/stats.ts'
import { certificate, until } from './listen-harness.ts'
import { dial, opened, serve } from './listen-http-harness.ts'

let dir = ''
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-http-'))
  certificate(dir, 'ca', 'Test CA')
  certificate(dir, 'server', 'localhost', 'ca')
  certificate(dir, 'device', 'device-7', 'ca')
})
afterAll(() => rmSync(dir, { recursive: true }))

const file = (name: string): string => join(dir, name)

describe('behind a proxy and over TLS', () => {
  test('a PROXY header names the peer of a WebSocket', async () => {
    const stats = new EdgeStats()
    const { listener, seen } = await serve({}, { proxy: { timeoutMs: 1000, stats } })
    const createConnection = (): Socket => {
      const socket = connect(listener.port, '127.0.0.1')
      socket.write('PROXY TCP4 203.0.113.7 10.0.0.1 51234 8080\r\n')
      return socket
    }
    await opened(dial(listener, ['mqtt'], { createConnection }))
    await until('a connection', () => seen.length === 1)
    expect(seen[0]?.peer).toMatchObject({ address: '203.0.113.7', port: 51234 })
    await expect(fetch(`http://127.0.0.1:${listener.port}/healthz`)).rejects.toThrow()
    expect(stats.malformed).toBe(1)
  })

  // What a load balancer of AWS asks a target group with proxy_protocol_v2: its health checks name no client.
  test.each([
    ['LOCAL', 0x20],
    ['PROXY without an address', 0x21],
  ])('pages are asked for behind a PROXY v2 header: %s', async (_, command) => {
    const { listener } = await serve({}, { proxy: { timeoutMs: 1000, stats: new EdgeStats() } })
    const createConnection = (): Socket => {
      const socket = connect(listener.port, '127.0.0.1')
      socket.write(Buffer.from([...Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), command, 0, 0, 0]))
      return socket
    }
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpGet({ path: '/readyz', createConnection }, response => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      )
    })
    expect(status).toBe(200)
  })

  test('WSS with a client certificate', async () => {
    const certificates = [{ certFile: file('server.crt'), keyFile: file('server.key') }]
    const tls = { certificates, caFile: file('ca.crt'), requireClientCertificate: true }
    const { listener, seen } = await serve({}, { tls })
    const ca = readFileSync(file('ca.crt'))
    const pair = { ca, cert: readFileSync(file('device.crt')), key: readFileSync(file('device.key')) }
    const client = dial(listener, ['mqtt'], pair, 'wss')
    await opened(client)
    await until('a connection', () => seen.length === 1)
    expect(seen[0]?.peer).toMatchObject({ listener: 'wss', secure: true, certificateName: 'device-7' })
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get(`https://localhost:${listener.port}/healthz`, pair, response => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })
    expect(status).toBe(200)
    const without = dial(listener, ['mqtt'], { ca }, 'wss')
    await until('refused', () => without.socket.readyState === WebSocket.CLOSED)
    expect(seen.length).toBe(1)
  })
})
