/** The listeners on Deno, over real sockets: a Deno process that echoes, and clients of Node. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { certificate, until } from './listen-harness.ts'

interface Line {
  readonly is: string
  readonly [key: string]: unknown
}

let dir = ''
let deno: ChildProcess
const lines: Line[] = []
const errors: string[] = []
const ports = { tcp: 0, tls: 0, http: 0 }
const count = (is: string, listener?: string): number =>
  lines.filter(line => line.is === is && (listener === undefined || line.listener === listener)).length

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-deno-'))
  certificate(dir, 'ca', 'Test CA')
  certificate(dir, 'server', 'localhost', 'ca')
  const program = fileURLToPath(new URL('./listen-deno-program.ts', import.meta.url))
  const bin = fileURLToPath(new URL('../../node_modules/.bin/deno', import.meta.url))
  deno = spawn(bin, ['run', '-A', program, join(dir, 'server.crt'), join(dir, 'server.key')])
  if (deno.stdout === null) throw new Error('Deno has no output')
  createInterface({ input: deno.stdout }).on('line', line => void lines.push(JSON.parse(line) as Line))
  deno.stderr?.on('data', chunk => void errors.push(String(chunk)))
  await until('Deno listens', () => count('listening') === 1, 30_000).catch((error: unknown) => {
    throw new Error(`Deno does not listen: ${errors.join('')}`, { cause: error })
  })
  Object.assign(ports, lines[0])
}, 40_000)

afterAll(() => {
  deno.kill('SIGKILL')
  rmSync(dir, { recursive: true })
})

/** A client of any kind, with what it has received. */
interface Client {
  send(text: string | Uint8Array): void
  reset(): void
  pause(): void
  resume(): void
  received: number
  text: string
  closed: boolean | number
}

function dial(kind: 'tcp' | 'tls' | 'ws'): Client {
  const client: Client = {
    send: () => {},
    reset: () => {},
    pause: () => {},
    resume: () => {},
    received: 0,
    text: '',
    closed: false,
  }
  const take = (chunk: Buffer): void => {
    client.received += chunk.length
    if (chunk.length < 100) client.text += chunk.toString('latin1')
  }
  if (kind === 'ws') {
    const socket = new WebSocket(`ws://127.0.0.1:${ports.http}/mqtt`, ['mqtt'])
    client.pause = () => socket.pause()
    client.resume = () => socket.resume()
    socket.on('message', data => take(data as Buffer))
    socket.on('close', code => {
      client.closed = code
    })
    socket.on('error', () => {})
    socket.on('open', () => {
      client.send = what => socket.send(what)
      client.reset = () => socket.terminate()
    })
    return client
  }
  const at = { host: '127.0.0.1', port: ports[kind] }
  const socket =
    kind === 'tcp' ? connect(at) : connectTls({ ...at, servername: 'localhost', ca: readFileSync(join(dir, 'ca.crt')) })
  client.pause = () => void socket.pause()
  client.resume = () => void socket.resume()
  socket.on('data', take)
  socket.on('error', () => {})
  socket.on('close', () => {
    client.closed = true
  })
  socket.on(kind === 'tcp' ? 'connect' : 'secureConnect', () => {
    client.send = what => void socket.write(what)
  })
  return client
}

async function open(kind: 'tcp' | 'tls' | 'ws'): Promise<Client> {
  const before = count('open')
  const client = dial(kind)
  await until('open', () => count('open') > before)
  await until('connected', () => String(client.send).includes('socket'))
  return client
}

describe.each(['tcp', 'tls', 'ws'] as const)('%s on Deno', kind => {
  test('carries bytes both ways and names its peer', async () => {
    const client = await open(kind)
    client.send(Buffer.from('hello'))
    await until('an echo', () => client.text === 'hellohello')
    expect(lines.findLast(line => line.is === 'open')).toMatchObject({
      address: '127.0.0.1',
      listener: kind,
      secure: kind === 'tls',
    })
  })

  test('end flushes, then closes once', async () => {
    const before = count('closed', kind)
    const client = await open(kind)
    client.send(Buffer.from('end'))
    await until('closed', () => client.closed !== false && count('closed', kind) === before + 1)
    expect(client.text).toBe('bye')
  })

  test('a flood says that there is no room, then that there is', async () => {
    const before = { drained: count('drained'), flooded: count('flooded') }
    const client = await open(kind)
    client.send(Buffer.from('flood'))
    client.pause()
    await until('it is said', () => count('flooded') > before.flooded)
    expect(lines.findLast(line => line.is === 'flooded')).toMatchObject({ full: true })
    client.resume()
    await until('all of it', () => client.received === 20_000_000, 15_000)
    await until('drained', () => count('drained') > before.drained)
  }, 20_000)
})

describe('HTTP on Deno', () => {
  const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${ports.http}${path}`)).status

  test('serves the pages', async () => {
    expect(await Promise.all(['/healthz', '/readyz', '/metrics', '/', '/mqtt', '/x'].map(status))).toEqual([
      200, 200, 200, 200, 426, 404,
    ])
  })

  test('text frames and frames too large close [MQTT-6.0.0-1]', async () => {
    const text = await open('ws')
    text.send('hello')
    await until('closed', () => text.closed === 1003)
    const large = await open('ws')
    large.send(Buffer.alloc(200_000))
    await until('closed', () => large.closed === 1009)
  })

  test('another subprotocol is refused [MQTT-6.0.0-4]', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${ports.http}/mqtt`, ['other'])
    let code: number | undefined
    socket.on('unexpected-response', (request, response) => {
      code = response.statusCode
      request.destroy()
    })
    socket.on('error', () => {})
    await until('refused', () => code === 400)
  })

  test('handshakes that are broken or abandoned harm nobody', async () => {
    const bare = [
      'GET /mqtt HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Protocol: mqtt',
    ]
    const good = [...bare, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    let gone = 0
    for (let i = 0; i < 60; i++) {
      const socket = connect(ports.http, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => {
        gone += 1
      })
      socket.write([...(i % 3 === 0 ? bare : good), '', ''].join('\r\n'), () => {
        if (i % 3 === 1) socket.resetAndDestroy()
        else socket.end()
      })
      socket.resume()
    }
    await until('all gone', () => gone === 60)
    const client = await open('ws')
    client.send(Buffer.from('hello'))
    await until('an echo', () => client.text === 'hellohello')
    const counted = (): unknown => lines.findLast(line => line.is === 'count')?.connections
    await until('nothing of them is left', () => {
      client.send(Buffer.from('count'))
      return counted() === count('open') - count('closed')
    })
  })

  test('a reset of an open connection closes it', async () => {
    const client = await open('ws')
    const before = count('closed', 'ws')
    client.reset()
    await until('closed', () => count('closed', 'ws') === before + 1)
  })

  test('closing the listeners ends what is open', async () => {
    const clients = [await open('tcp'), await open('tls'), await open('ws')]
    clients[0]?.send(Buffer.from('stop'))
    await until('all closed', () => clients.every(client => client.closed !== false))
    await until('stopped', () => count('stopped') === 1)
    expect(lines.findLast(line => line.is === 'stopped')).toMatchObject({ connections: 0 })
    expect(count('open')).toBe(count('closed'))
  })
})
