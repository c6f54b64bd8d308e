/**
 * Measures what sockets cost this process: CPU µs per small write over many sockets, RSS per idle connection, accepts per second.
 * Run: node test/bench/micro/tcp.ts [sockets=1000]. The peer runs in a child process, so only this side's CPU is counted.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { listenTcp } from '../../../edge/listen/tcp.node.ts'
import type { Transport } from '../../../edge/listen/transport.ts'

const SOCKETS = Number(process.argv[2] ?? 1000)
const ROUNDS = 100
const FRAME = Buffer.alloc(80, 7)
const PLAIN = new Uint8Array(80).fill(7)

interface Order {
  readonly port: number
  readonly connections: number
  /** Open, wait for the other side to close, open the next: connections in total. */
  readonly churn?: number
  /** Bytes each connection sends, and how often. */
  readonly chatter?: number
}

function peer(): void {
  const open: Socket[] = []
  process.on('message', (order: Order) => {
    if (order.churn !== undefined) return churn(order)
    let ready = 0
    for (let i = 0; i < order.connections; i++) {
      const socket = connect({ port: order.port, host: '127.0.0.1' })
      open.push(socket)
      socket.on('connect', () => {
        socket.resume()
        if (++ready === order.connections) process.send?.('ready')
      })
    }
    if (order.chatter !== undefined) {
      let turns = order.chatter
      const tick = setInterval(() => {
        for (const socket of open) socket.write(FRAME)
        if (--turns === 0) {
          clearInterval(tick)
          process.send?.('chattered')
        }
      }, 20)
    }
  })
}

function churn(order: Order): void {
  let left = order.churn ?? 0
  let done = 0
  const next = (): void => {
    if (left-- <= 0) return
    const socket = connect({ port: order.port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (++done === order.churn) process.send?.('churned')
      else next()
    })
    socket.resume()
  }
  for (let i = 0; i < order.connections; i++) next()
}

const said = (child: ChildProcess, word: string): Promise<void> =>
  new Promise(resolve => {
    const hear = (message: unknown): void => {
      if (message !== word) return
      child.off('message', hear)
      resolve()
    }
    child.on('message', hear)
  })

function cpuMicros(since: NodeJS.CpuUsage): number {
  const used = process.cpuUsage(since)
  return used.user + used.system
}

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20))

async function measure<T>(name: string, targets: readonly T[], write: (target: T) => void): Promise<void> {
  for (let round = 0; round < 10; round++) {
    for (const target of targets) write(target)
    await turn()
  }
  let cpu = 0
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage()
    for (const target of targets) write(target)
    await new Promise(resolve => setImmediate(resolve))
    cpu += cpuMicros(from)
    await turn()
  }
  console.log(`${name.padEnd(56)} ${(cpu / ROUNDS / targets.length).toFixed(2)} µs CPU per socket`)
}

async function rawSockets(child: ChildProcess): Promise<{ server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer({ noDelay: true }, socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', 4096, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The bench server has no port')
  const ready = said(child, 'ready')
  child.send({ port: address.port, connections: SOCKETS } satisfies Order)
  await ready
  return { server, sockets }
}

async function writes(child: ChildProcess): Promise<void> {
  const { server, sockets } = await rawSockets(child)
  await measure('socket.write(Buffer)', sockets, s => s.write(FRAME))
  await measure('socket.write(Uint8Array)', sockets, s => s.write(PLAIN))
  await measure('socket.write(Buffer, callback)', sockets, s => s.write(FRAME, () => {}))
  await measure('cork, 4 writes, uncork', sockets, s => {
    s.cork()
    for (let i = 0; i < 4; i++) s.write(FRAME)
    s.uncork()
  })
  await measure('4 separate writes', sockets, s => {
    for (let i = 0; i < 4; i++) s.write(FRAME)
  })
  await measure('write(Buffer.concat of 4)', sockets, s => s.write(Buffer.concat([FRAME, FRAME, FRAME, FRAME])))
  await measure('write(allocUnsafe + 4 × set)', sockets, s => {
    const all = Buffer.allocUnsafe(320)
    for (let i = 0; i < 4; i++) all.set(FRAME, i * 80)
    s.write(all)
  })
  for (const socket of sockets) socket.destroy()
  server.close()
}

async function transports(child: ChildProcess): Promise<void> {
  const open: Transport[] = []
  let chunks = 0
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, transport => {
    open.push(transport)
    return {
      data: () => {
        chunks += 1
      },
      drained: () => {},
      closed: () => {},
    }
  })
  await idle(child, listener.port, open)
  const four = [PLAIN, PLAIN, PLAIN, PLAIN]
  await measure('transport.write', open, t => t.write(FRAME))
  await measure('transport.writev of 4', open, t => t.writev(four))
  await measure('transport.writev of 50', open, t => t.writev(fifty))
  const chattered = said(child, 'chattered')
  const from = process.cpuUsage()
  child.send({ port: listener.port, connections: 0, chatter: ROUNDS } satisfies Order)
  await chattered
  await turn()
  console.log(
    `${'reading one frame'.padEnd(56)} ${(cpuMicros(from) / chunks).toFixed(2)} µs CPU per 'data' (${chunks})`,
  )
  await listener.close()
}

const fifty: Uint8Array[] = Array.from({ length: 50 }, () => PLAIN)

async function idle(child: ChildProcess, port: number, open: readonly Transport[]): Promise<void> {
  await settle()
  const before = process.memoryUsage().rss
  const ready = said(child, 'ready')
  child.send({ port, connections: SOCKETS } satisfies Order)
  await ready
  await settle()
  const each = (process.memoryUsage().rss - before) / open.length / 1024
  console.log(`${`${open.length} idle connections`.padEnd(56)} ${each.toFixed(2)} KiB RSS each`)
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function accepts(child: ChildProcess): Promise<void> {
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, transport => {
    transport.destroy()
    return { data: () => {}, drained: () => {}, closed: () => {} }
  })
  const churned = said(child, 'churned')
  const started = performance.now()
  const from = process.cpuUsage()
  child.send({ port: listener.port, connections: 100, churn: 20_000 } satisfies Order)
  await churned
  const seconds = (performance.now() - started) / 1000
  const each = cpuMicros(from) / 20_000
  console.log(
    `${'accept + close'.padEnd(56)} ${each.toFixed(1)} µs CPU each, ${Math.round(20_000 / seconds)}/s (the peer is the limit)`,
  )
  await listener.close()
}

async function main(): Promise<void> {
  for (const run of [transports, writes, accepts]) {
    const child = fork(import.meta.filename)
    await run(child)
    child.kill()
  }
}

if (process.send !== undefined) peer()
else await main()
