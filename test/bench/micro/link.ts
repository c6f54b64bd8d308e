/** What one link carries: small publishes with their receipts from an edge process to a core process over a WebSocket, and deliveries with their answers back. Both ends stop short of edge and core: it is the link that is measured. Run it by hand: `node test/bench/micro/link.ts [seconds]`. */
import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClientKey, Incarnation, Tenant, TopicName } from '../../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../../core/contract/limits.ts'
import { LinkStats } from '../../../core/contract/link/stats.ts'
import type { CoreLink, EdgePort } from '../../../core/contract/link.ts'
import { Message } from '../../../core/contract/message.ts'
import { LinkServer } from '../../../core/link/server/link-server.ts'
import { serveLinks } from '../../../core/link/server/serve.node.ts'
import { RemoteLink } from '../../../edge/link/remote-link.ts'
import { nodeConnector } from '../../../edge/link/socket.node.ts'
import { Turn } from '../../../infra/standalone/turn.ts'

const SECONDS = Number(process.argv[2] ?? 5)
const WARM_UP_MS = 1500
const TOPICS = 1000
const PER_TURN = 500
/** Published and without receipt, or handed over and not answered, at most. */
const OPEN = 20_000
const TOKEN = 'micro-benchmark-token'
const limits = DEFAULT_LIMITS

type Told = { readonly port: number } | { readonly counted: number; readonly cpuMs: number }
type Order = 'count' | 'deliver' | 'stop'

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const topic = (n: number): TopicName => `plant/line${n % 50}/sensor${n % TOPICS}/temperature` as TopicName
const sender = (n: number): ClientKey => `:device-${n % TOPICS}` as ClientKey
const message = (origin: Incarnation, n: number): Message =>
  new Message(origin, n, {
    tenant: '' as Tenant,
    topic: topic(n),
    qos: 1,
    payload: new Uint8Array(64),
    sender: sender(n),
  })

/** The core's process: receipts for what comes; on demand, messages as fast as they are answered. */
function core(): void {
  const turn = new Turn({ schedule: setImmediate })
  let port: EdgePort | undefined
  let counted = 0
  let open = 0
  let queue: Message[] = []
  const receipts = () => {
    const due = queue
    queue = []
    for (const m of due) port?.receipt(m, true)
  }
  const link = {
    publish(m: Message) {
      counted++
      if (queue.push(m) === 1) turn.core(receipts)
    },
    delivered() {
      counted++
      open--
    },
  } as unknown as CoreLink
  const attach = (p: EdgePort): CoreLink => {
    port = p
    return link
  }
  const links = new LinkServer({
    id: 'c1',
    site: 'eu',
    incarnation: 'core' as Incarnation,
    token: TOKEN,
    core: () => ({ congested: false, attach, detach: () => {} }),
    limits,
    stats: new LinkStats(),
    now: Date.now,
    atTurnEnd: turn.edge,
  })
  setInterval(() => links.tick(Date.now()), 250)
  const deliver = () => {
    let n = counted
    for (let i = 0; i < PER_TURN && open < OPEN; i++, open++)
      port!.deliver(message('e1' as Incarnation, ++n), undefined, false)
    setImmediate(deliver)
  }
  const server = createServer()
  serveLinks(server, links, { path: '/link' })
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port } satisfies Told))
  process.on('message', (order: Order) => {
    if (order === 'stop') process.exit()
    if (order === 'deliver') return deliver()
    process.send!({ counted, cpuMs: cpuMs() } satisfies Told)
  })
}

const told = (child: ChildProcess): Promise<Told> => new Promise(resolve => child.once('message', resolve))

async function count(child: ChildProcess): Promise<{ counted: number; cpuMs: number; own: number; at: number }> {
  const answer = told(child)
  child.send('count' satisfies Order)
  const { counted, cpuMs: theirs } = (await answer) as { counted: number; cpuMs: number }
  return { counted, cpuMs: theirs, own: cpuMs(), at: performance.now() }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

async function measure(name: string, child: ChildProcess): Promise<void> {
  await pause(WARM_UP_MS)
  const from = await count(child)
  await pause(SECONDS * 1000)
  const to = await count(child)
  const records = to.counted - from.counted
  const rate = records / ((to.at - from.at) / 1000)
  const each = (ms: number) => `${((ms / records) * 1000).toFixed(2)} µs`
  console.log(
    `${name.padEnd(34)} ${Math.round(rate).toLocaleString('en')}/s, CPU each: edge ${each(to.own - from.own)}, core ${each(to.cpuMs - from.cpuMs)}`,
  )
}

async function edge(): Promise<void> {
  const child = fork(import.meta.filename)
  const { port } = (await told(child)) as { port: number }
  const turn = new Turn({ schedule: setImmediate })
  let open = 0
  const link = new RemoteLink(
    {
      receipt: () => open--,
      deliver: () => false,
      kick: () => {},
      congested: () => {},
      beginAnew: () => {},
      suspend: () => {},
    },
    {
      incarnation: 'e1' as Incarnation,
      id: 'e1',
      region: 'r1',
      cores: [`ws://127.0.0.1:${port}/link`],
      prefer: '',
      token: TOKEN,
      limits,
      stats: new LinkStats(),
      connect: nodeConnector(),
      now: Date.now,
      random: Math.random,
      atTurnEnd: turn.edge,
      events: event => {
        if (event.is !== 'linked') console.log(event)
      },
    },
  )
  link.start()
  setInterval(() => link.tick(Date.now()), 250).unref()
  while (!link.linked) await pause(10)
  let n = 0
  let publishing = true
  const publish = () => {
    for (let i = 0; i < PER_TURN && open < OPEN && !link.congested; i++, open++)
      link.publish(message('e1' as Incarnation, ++n))
    if (publishing) setImmediate(publish)
  }
  publish()
  await measure('publish, receipt', child)
  publishing = false
  await pause(200)
  child.send('deliver' satisfies Order)
  await measure('deliver, delivered', child)
  child.send('stop' satisfies Order)
  process.exit()
}

if (process.send !== undefined) core()
else await edge()
