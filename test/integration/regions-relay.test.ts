/** Lines of the relay between regions, on real sockets: what a WAN does to bytes, and what a cut does to connections. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../../infra/local/ports.ts'
import { type Conditions, Line } from '../../infra/local/regions/relay/line.ts'

const HOST = '127.0.0.1'
const servers: Server[] = []
const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  for (const server of servers.splice(0)) server.close()
})

interface Rig {
  readonly line: Line
  readonly port: number
  set(change: Partial<Conditions>): void
}

/** An echo server behind a line; `target` in its place. */
async function rig(conditions: Partial<Conditions> = {}, target?: number): Promise<Rig> {
  const echo = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}).pipe(socket)
  })
  servers.push(echo.listen(0, HOST))
  await once(echo, 'listening')
  const address = echo.address()
  const port = target ?? (typeof address === 'object' && address !== null ? address.port : 0)
  const listen = { host: HOST, port: await freePorts(1) }
  let now: Conditions = { wanMs: 0, loss: 0, cut: [], ...conditions }
  const line = new Line({ listen, target: { host: HOST, port }, isLong: true, ways: ['eu/wan', 'us/wan'] }, () => now)
  servers.push(await line.listen())
  return {
    line,
    port: listen.port,
    set(change) {
      now = { ...now, ...change }
      line.adapt()
    },
  }
}

interface Client {
  readonly socket: Socket
  text(): string
  /** `end`, an error code, or nothing while it is open. */
  ended(): string | undefined
}

async function dial(port: number): Promise<Client> {
  const socket = connect({ host: HOST, port })
  sockets.add(socket)
  let text = ''
  let ended: string | undefined
  socket.on('data', chunk => {
    text += chunk.toString()
  })
  socket.on('end', () => {
    ended ??= 'end'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended ??= error.code
  })
  await once(socket, 'connect')
  return { socket, text: () => text, ended: () => ended }
}

test('the first bytes take the handshake and one way, the following ones one way each', async () => {
  const { port } = await rig({ wanMs: 40 })
  const begun = Date.now()
  const { socket, text } = await dial(port)
  socket.write('a')
  await expect.poll(text, { interval: 2 }).toBe('a')
  const first = Date.now() - begun
  expect(first).toBeGreaterThanOrEqual(159)
  const following: number[] = []
  for (const sent of ['ab', 'abc', 'abcd']) {
    const again = Date.now()
    socket.write(sent.at(-1)!)
    await expect.poll(text, { interval: 2 }).toBe(sent)
    following.push(Date.now() - again)
  }
  // The least of some: a busy machine adds to it.
  const least = Math.min(...following)
  expect(least).toBeGreaterThanOrEqual(79)
  expect(least).toBeLessThan(first)
})

test('many bytes come through whole and in order, also with loss and more than a line holds', async () => {
  const { port } = await rig({ wanMs: 5, loss: 0.0005 })
  const { socket, text } = await dial(port)
  const sent = Array.from({ length: 1_000_000 }, (_, n) => `${n},`).join('')
  socket.end(sent)
  await once(socket, 'end')
  expect(text() === sent).toBe(true)
}, 30_000)

test('a lost segment stalls what follows it by 200 ms', async () => {
  const { port, set } = await rig()
  const { socket, text } = await dial(port)
  socket.write('a')
  await expect.poll(text).toBe('a')
  set({ loss: 0.999_999 })
  const begun = Date.now()
  socket.write('b')
  await sleep(5)
  // Whatever is there has been read when a round of events is over.
  await new Promise(setImmediate)
  set({ loss: 0 })
  socket.write('c')
  await expect.poll(text, { interval: 5 }).toBe('abc')
  expect(Date.now() - begun).toBeGreaterThanOrEqual(199)
})

test('a cut holds bytes and ends back and tells nobody; after it everything goes on', async () => {
  const { line, port, set } = await rig()
  const [a, b] = [await dial(port), await dial(port)]
  a.socket.write('before')
  await expect.poll(a.text).toBe('before')
  set({ cut: ['ap/wan'] })
  a.socket.write('+other')
  await expect.poll(a.text).toBe('before+other')
  set({ cut: ['us/wan'] })
  const c = await dial(port)
  a.socket.write('+during')
  b.socket.end()
  c.socket.write('late')
  await sleep(300)
  expect([a.text(), b.text(), c.text()]).toEqual(['before+other', '', ''])
  expect([a.ended(), b.ended(), c.ended()]).toEqual([undefined, undefined, undefined])
  set({ cut: [] })
  await expect.poll(() => [a.text(), b.ended(), c.text()]).toEqual(['before+other+during', 'end', 'late'])
  a.socket.end()
  c.socket.resetAndDestroy()
  await expect.poll(() => line.connections).toBe(0)
})

test('a port that refuses is refused, after a round trip; a line that gave up leaves nothing', async () => {
  const { line, port } = await rig({ wanMs: 30 }, await freePorts(1))
  const begun = Date.now()
  const { ended } = await dial(port)
  await expect.poll(ended, { interval: 2 }).toBe('ECONNRESET')
  expect(Date.now() - begun).toBeGreaterThanOrEqual(59)
  const gone = await dial(port)
  gone.socket.destroy()
  await expect.poll(() => line.connections).toBe(0)
})

test('a reset at one end is a reset at the other', async () => {
  const { line, port } = await rig({ wanMs: 10 })
  const { socket, text, ended } = await dial(port)
  socket.write('a')
  await expect.poll(text).toBe('a')
  for (const one of sockets) if (one !== socket) one.resetAndDestroy()
  await expect.poll(ended).toBe('ECONNRESET')
  await expect.poll(() => line.connections).toBe(0)
})
