/** TLS listeners over real sockets: names, client certificates, reload, handshakes that fail. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Listener } from '../../edge/listen/listener.ts'
import { listenTls, type TlsEvent, type TlsListenOptions } from '../../edge/listen/tls.node.ts'
import { EdgeStats } from '../../edge/stats.ts'
import { certificate, recorder, until } from './listen-harness.ts'

let dir = ''
const undo: (() => unknown)[] = []

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-tls-'))
  certificate(dir, 'ca', 'Test CA')
  certificate(dir, 'server', 'localhost', 'ca')
  certificate(dir, 'one', 'one.example.org', 'ca')
  certificate(dir, 'next', 'localhost', 'ca')
  certificate(dir, 'device', 'device-7', 'ca')
  certificate(dir, 'stranger', 'device-7')
})
afterAll(() => rmSync(dir, { recursive: true }))
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const file = (name: string): string => join(dir, name)
const files = (name: string): { certFile: string; keyFile: string } => ({
  certFile: file(`${name}.crt`),
  keyFile: file(`${name}.key`),
})

async function listen(options: Partial<TlsListenOptions> = {}) {
  const { seen, factory } = recorder((transport, text) => void transport.write(Buffer.from(`<${text}>`)))
  const events: TlsEvent[] = []
  const listener = await listenTls(
    {
      host: '127.0.0.1',
      port: 0,
      handshakeTimeoutMs: 2000,
      tls: { certificates: [files('server')] },
      onEvent: event => void events.push(event),
      ...options,
    },
    factory,
  )
  undo.push(() => listener.close())
  return { listener, seen, events }
}

/** Connects, says `hello`, resolves with the serial of the server's certificate, or rejects. */
function greet(listener: Listener, options: ConnectionOptions = {}): Promise<{ serial: string; socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: listener.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: readFileSync(file('ca.crt')),
      ...options,
    })
    undo.push(() => socket.destroy())
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('Closed')))
    socket.on('secureConnect', () => {
      const serial = socket.getPeerCertificate().serialNumber
      socket.once('data', () => resolve({ serial, socket }))
      socket.write('hello')
    })
  })
}

describe('a TLS listener', () => {
  test('carries bytes and says that it is secure', async () => {
    const { listener, seen } = await listen()
    const { socket } = await greet(listener)
    expect(seen[0]?.text).toBe('hello')
    expect(seen[0]?.peer).toMatchObject({ address: '127.0.0.1', listener: 'tls', secure: true })
    expect(seen[0]?.peer.certificateName).toBeUndefined()
    socket.destroy()
    await until('closed', () => seen[0]?.closed === 1)
  })

  test('close ends open connections', async () => {
    const { listener, seen } = await listen()
    await greet(listener)
    await listener.close()
    await until('closed', () => seen[0]?.closed === 1)
  })

  test('end flushes and closes', async () => {
    const { listener, seen } = await listen()
    const { socket } = await greet(listener)
    let got = 0
    socket.on('data', chunk => {
      got += chunk.length
    })
    seen[0]?.transport.write(Buffer.alloc(1_000_000))
    seen[0]?.transport.end()
    await until('closed', () => seen[0]?.closed === 1)
    expect(got).toBe(1_000_000)
  })

  test('chooses the certificate by server name', async () => {
    const { listener } = await listen({
      tls: { certificates: [files('server'), { serverName: 'one.example.org', ...files('one') }] },
    })
    const usual = await greet(listener)
    const named = await greet(listener, { servername: 'one.example.org' })
    expect(named.serial).not.toBe(usual.serial)
    expect((await greet(listener, { servername: 'localhost' })).serial).toBe(usual.serial)
  })

  test('refuses TLS 1.1', async () => {
    const { listener, events } = await listen()
    await expect(greet(listener, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow()
    await until('an event', () => events.some(event => event.is === 'handshake-failed'))
  })

  test('mTLS: the name of a verified certificate, and nobody without one', async () => {
    const { listener, seen } = await listen({
      tls: { certificates: [files('server')], caFile: file('ca.crt'), requireClientCertificate: true },
    })
    const pair = (name: string): ConnectionOptions => ({
      cert: readFileSync(file(`${name}.crt`)),
      key: readFileSync(file(`${name}.key`)),
    })
    await greet(listener, pair('device'))
    expect(seen[0]?.peer.certificateName).toBe('device-7')
    await expect(greet(listener)).rejects.toThrow()
    await expect(greet(listener, pair('stranger'))).rejects.toThrow()
    expect(seen.length).toBe(1)
  })

  test('a stalled or wrong handshake ends that connection only', async () => {
    const { listener, seen, events } = await listen({ handshakeTimeoutMs: 150 })
    const silent = connectTcp(listener.port, '127.0.0.1')
    const wrong = connectTcp(listener.port, '127.0.0.1')
    let closed = 0
    for (const socket of [silent, wrong]) {
      undo.push(() => socket.destroy())
      socket.on('error', () => {})
      socket.on('close', () => {
        closed += 1
      })
      socket.resume()
    }
    wrong.write('GET / HTTP/1.0\r\n\r\n')
    await greet(listener)
    await until('both are closed', () => closed === 2)
    expect(seen.length).toBe(1)
    expect(events.filter(event => event.is === 'handshake-failed').length).toBe(2)
  })

  test('a storm of handshakes delays those who connect, and ends with everybody in', async () => {
    const { listener, seen } = await listen({ handshakeTimeoutMs: 10_000 })
    const { socket } = await greet(listener)
    const storm = Promise.all(Array.from({ length: 60 }, () => greet(listener)))
    let echoes = 0
    socket.on('data', () => {
      echoes += 1
      if (echoes < 20) socket.write('again')
    })
    socket.write('again')
    await storm
    await until('the echoes', () => echoes === 20)
    expect(seen.length).toBe(61)
  })

  test('a PROXY header before the handshake names the peer', async () => {
    const stats = new EdgeStats()
    const { listener, seen } = await listen({ proxy: { timeoutMs: 1000, stats } })
    const raw = connectTcp(listener.port, '127.0.0.1')
    undo.push(() => raw.destroy())
    raw.write('PROXY TCP4 203.0.113.7 10.0.0.1 51234 8883\r\n')
    await greet(listener, { socket: raw })
    expect(seen[0]?.peer).toMatchObject({ address: '203.0.113.7', port: 51234, secure: true })
    await expect(greet(listener)).rejects.toThrow()
    expect(stats.malformed).toBe(1)
  })
})

describe('changed certificate files', () => {
  test('are taken over; broken ones keep the old and say so', async () => {
    copyFileSync(file('server.crt'), file('live.crt'))
    copyFileSync(file('server.key'), file('live.key'))
    const { listener, events } = await listen({
      tls: { certificates: [files('live'), { serverName: 'two.example.org', ...files('live') }], reloadMs: 20 },
    })
    const first = await greet(listener)
    writeFileSync(file('live.crt'), 'broken')
    await until('a refusal', () => events.some(event => event.is === 'certificates-refused'))
    expect((await greet(listener)).serial).toBe(first.serial)
    copyFileSync(file('next.key'), file('live.key'))
    copyFileSync(file('next.crt'), file('live.crt'))
    await until('a reload', () => events.some(event => event.is === 'certificates-reloaded'))
    const second = await greet(listener)
    expect(second.serial).not.toBe(first.serial)
    const named = await greet(listener, { servername: 'two.example.org', checkServerIdentity: () => undefined })
    expect(named.serial).toBe(second.serial)
    // Who was connected before goes on.
    const answered = new Promise(resolve => first.socket.once('data', resolve))
    first.socket.write('still here')
    expect(String(await answered)).toBe('<still here>')
  })

  test('that cannot be used at the start are refused by name', async () => {
    await expect(listen({ tls: { certificates: [files('none')] } })).rejects.toThrow(`none.crt' cannot be read`)
    const mixed = { certFile: file('server.crt'), keyFile: file('one.key') }
    await expect(listen({ tls: { certificates: [mixed] } })).rejects.toThrow('cannot be used')
  })
})
