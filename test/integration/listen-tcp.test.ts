/** TCP and Unix listeners over real sockets, without a gateway behind: bytes, pressure, ends, the gate. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { AcceptGate } from '../../edge/listen/accept-limit.ts'
import { withProxyProtocol } from '../../edge/listen/proxy-protocol.ts'
import { type Listener, type ListenOptions, listenTcp } from '../../edge/listen/tcp.node.ts'
import type { ConnectionFactory } from '../../edge/listen/transport.ts'
import { listenUnix } from '../../edge/listen/unix.node.ts'
import { EdgeStats } from '../../edge/stats.ts'
import { recorder, sleep, until } from './listen-harness.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function listen(factory: ConnectionFactory, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listenTcp({ host: '127.0.0.1', port: 0, ...options }, factory)
  undo.push(() => listener.close())
  return listener
}

interface Client {
  readonly socket: Socket
  text: string
  ended: boolean
  closed: boolean
}

function dial(listener: Listener, halfOpen = false): Client {
  const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: halfOpen })
  const client: Client = { socket, text: '', ended: false, closed: false }
  socket.on('data', chunk => {
    client.text += chunk.toString('latin1')
  })
  socket.on('end', () => {
    client.ended = true
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    client.closed = true
  })
  undo.push(() => socket.destroy())
  return client
}

describe('a TCP connection', () => {
  test('carries bytes both ways and names its peer', async () => {
    const { seen, factory } = recorder((transport, text) => void transport.write(Buffer.from(`<${text}>`)))
    const client = dial(await listen(factory))
    client.socket.write('hello')
    await until('an answer', () => client.text === '<hello>')
    expect(seen[0]?.peer).toEqual({
      address: '127.0.0.1',
      port: client.socket.localPort,
      listener: 'tcp',
      certificateName: undefined,
      secure: false,
    })
  })

  test('writev keeps the order, small and large', async () => {
    const { seen, factory } = recorder()
    const client = dial(await listen(factory))
    await until('a connection', () => seen.length === 1)
    const small = ['a', 'b', 'c'].map(text => Buffer.from(text))
    const large = ['d', 'e', 'f'].map(text => Buffer.alloc(20_000, text))
    seen[0]?.transport.writev(small)
    seen[0]?.transport.writev(large)
    seen[0]?.transport.write(new Uint8Array([0x67]))
    const expected = `abc${'d'.repeat(20_000)}${'e'.repeat(20_000)}${'f'.repeat(20_000)}g`
    await until('all of it', () => client.text.length === expected.length)
    expect(client.text === expected).toBe(true)
  })

  test('a write that does not fit says so, and drained follows', async () => {
    const { seen, factory } = recorder()
    const client = dial(await listen(factory))
    client.socket.pause()
    await until('a connection', () => seen.length === 1)
    let wrote = 0
    while (seen[0]?.transport.write(Buffer.alloc(64 * 1024)) === true || wrote < 200) wrote += 1
    await sleep(50)
    expect(seen[0]?.drained).toBe(0)
    client.socket.resume()
    await until('drained', () => seen[0]?.drained === 1)
  })

  test('end flushes, then closes; what comes after it is not delivered', async () => {
    const { seen, factory } = recorder()
    const client = dial(await listen(factory))
    await until('a connection', () => seen.length === 1)
    seen[0]?.transport.write(Buffer.alloc(3_000_000, 'x'))
    seen[0]?.transport.end()
    seen[0]?.transport.end()
    client.socket.write('late')
    await until('closed', () => seen[0]?.closed === 1 && client.closed)
    expect(client.text.length).toBe(3_000_000)
    expect(client.ended).toBe(true)
    expect(seen[0]?.text).toBe('')
    expect(seen[0]?.transport.write(Buffer.from('x'))).toBe(true)
  })

  test('end closes hard after its bound if the peer does not read or close', async () => {
    const { seen, factory } = recorder()
    const listener = await listen(factory, { endTimeoutMs: 100 })
    const stuck = dial(listener)
    stuck.socket.pause()
    const open = dial(listener, true)
    await until('connections', () => seen.length === 2)
    for (const one of seen) one.transport.write(Buffer.alloc(8_000_000))
    for (const one of seen) one.transport.end()
    await sleep(30)
    expect(seen.some(one => one.closed > 0)).toBe(false)
    await until('hard close', () => seen.every(one => one.closed === 1))
    expect(open.closed).toBe(false)
  })

  test('a FIN from the device ends the transport, also from a half-open peer', async () => {
    const { seen, factory } = recorder()
    const client = dial(await listen(factory), true)
    client.socket.end('bye')
    await until('closed', () => seen[0]?.closed === 1)
    expect(seen[0]?.text).toBe('bye')
  })

  test('a reset and a write after it close once and harm nobody', async () => {
    const { seen, factory } = recorder()
    const listener = await listen(factory)
    const client = dial(listener)
    const other = dial(listener)
    await until('connections', () => seen.length === 2)
    client.socket.resetAndDestroy()
    for (let i = 0; i < 100; i++) for (const one of seen) one.transport.write(Buffer.alloc(1000))
    await until('one closed', () => seen.some(one => one.closed === 1))
    await until('the other is served', () => other.text.length === 100_000)
    expect(seen.map(one => one.closed).sort()).toEqual([0, 1])
  })

  test('pause holds the device back, resume goes on', async () => {
    const { seen, factory } = recorder()
    const client = dial(await listen(factory))
    await until('a connection', () => seen.length === 1)
    seen[0]?.transport.pause()
    await sleep(20)
    client.socket.write(Buffer.alloc(20_000_000))
    await sleep(100)
    expect(seen[0]?.text.length).toBeLessThan(200_000)
    expect(client.socket.writableLength).toBeGreaterThan(1_000_000)
    seen[0]?.transport.resume()
    await until('all of it', () => seen[0]?.text.length === 20_000_000)
  })
})

describe('a TCP listener', () => {
  test('a taken port is refused with a text that names it', async () => {
    const { factory } = recorder()
    const { port } = await listen(factory)
    await expect(listen(factory, { port })).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port} (tcp): the port is taken; stop the process that holds it or choose another port (0 picks a free one)`,
    )
    await expect(listen(factory, { host: '203.0.113.1' })).rejects.toThrow('does not have that address')
  })

  test('stopAccepting keeps what is open, close destroys it', async () => {
    const { seen, factory } = recorder()
    const listener = await listen(factory)
    const client = dial(listener)
    await until('a connection', () => seen.length === 1)
    listener.stopAccepting()
    const late = dial(listener)
    await until('the late one is refused', () => late.closed)
    client.socket.write('still')
    await until('still served', () => seen[0]?.text === 'still')
    await listener.close()
    expect(seen[0]?.closed).toBe(1)
    expect(seen.length).toBe(1)
  })

  test('a connect flood is held by the accept rate', async () => {
    const stats = new EdgeStats()
    const gate = new AcceptGate({ acceptPerSecond: 100, acceptBurst: 5, maxConnections: 1000 }, stats)
    const { seen, factory } = recorder()
    const listener = await listen(factory, { gate })
    const clients = Array.from({ length: 25 }, () => dial(listener))
    for (const client of clients) client.socket.write('x')
    await until('the line is full', () => gate.waiting > 10)
    expect(seen.length).toBeLessThan(15)
    await until('all are let in', () => seen.filter(one => one.text === 'x').length === 25)
    expect(stats.acceptDelayed).toBeGreaterThanOrEqual(15)
    expect(stats).toMatchObject({ accepted: 25, nowConnections: 25 })
    for (const client of clients) client.socket.destroy()
    await until('all left', () => stats.nowConnections === 0)
  })

  test('close ends also who waits in line', async () => {
    const gate = new AcceptGate({ acceptPerSecond: 0.001, acceptBurst: 1, maxConnections: 9 }, new EdgeStats())
    const { seen, factory } = recorder()
    const listener = await listen(factory, { gate })
    const clients = [dial(listener), dial(listener)]
    await until('one waits', () => gate.waiting === 1)
    await listener.close()
    await until('both are closed', () => clients.every(client => client.closed))
    expect(seen.map(one => one.closed)).toEqual([1])
    gate.clear()
  })

  test('beyond maxConnections a connection is closed at once', async () => {
    const gate = new AcceptGate({ acceptPerSecond: 1e6, acceptBurst: 1e6, maxConnections: 2 }, new EdgeStats())
    const { seen, factory } = recorder()
    const listener = await listen(factory, { gate })
    const first = dial(listener)
    dial(listener)
    await until('two are in', () => seen.length === 2)
    const third = dial(listener)
    await until('the third is closed', () => third.closed)
    expect(seen.length).toBe(2)
    first.socket.destroy()
    await until('one left', () => seen.some(one => one.closed === 1))
    dial(listener)
    await until('another is in', () => seen.length === 3)
  })

  test('behind a proxy the peer is the one its header names', async () => {
    const { seen, factory } = recorder()
    const listener = await listen(withProxyProtocol(factory, { timeoutMs: 1000, stats: new EdgeStats() }))
    const good = dial(listener)
    good.socket.write('PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\nhello')
    const wrong = dial(listener)
    wrong.socket.write('\x10\x0c\x00\x04MQTT')
    await until('the wrong one is closed', () => wrong.closed)
    await until('data', () => seen[0]?.text === 'hello')
    expect(seen.map(one => one.peer.address)).toEqual(['203.0.113.7'])
  })
})

describe('a Unix listener', () => {
  function directory(): string {
    const dir = mkdtempSync(join(tmpdir(), 'meridian-unix-'))
    undo.push(() => rmSync(dir, { recursive: true }))
    return dir
  }

  test('serves, replaces a socket that nobody answers on, and leaves others alone', async () => {
    const path = join(directory(), 'mqtt.sock')
    const { seen, factory } = recorder()
    const first = await listenUnix({ path }, factory)
    undo.push(() => first.close())
    await expect(listenUnix({ path }, factory)).rejects.toThrow('another process answers there')
    const socket = connect(path)
    undo.push(() => socket.destroy())
    socket.write('hi')
    await until('data', () => seen.some(one => one.text === 'hi'))
    expect(seen[0]?.peer).toMatchObject({ address: 'unix', port: 0, listener: 'unix' })
  })

  test('a stale socket is replaced, another file is not', async () => {
    const dir = directory()
    const stale = join(dir, 'stale.sock')
    await leaveStale(stale)
    const listener = await listenUnix({ path: stale }, recorder().factory)
    await listener.close()
    const file = join(dir, 'file')
    writeFileSync(file, 'mine')
    await expect(listenUnix({ path: file }, recorder().factory)).rejects.toThrow('a file that is no socket is there')
  })
})

/** Binds a path and lets go of it without removing the file, as a killed process does. */
async function leaveStale(path: string): Promise<void> {
  const { linkSync } = await import('node:fs')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.tmp`, resolve))
  linkSync(`${path}.tmp`, path)
  await new Promise(resolve => server.close(resolve))
  rmSync(`${path}.tmp`, { force: true })
}
