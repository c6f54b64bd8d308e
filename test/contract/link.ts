/** A core with scripted edges over every kind of link: function calls, records in one process, and a real WebSocket. Owns the plumbing; the suite is `link.test.ts`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClientKey, Incarnation, TopicFilter } from '../../core/contract/ids.ts'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { LinkStats } from '../../core/contract/link/stats.ts'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import type { ClaimReply, ClaimRequest, CoreLink, EdgePort } from '../../core/contract/link.ts'
import { Message, type MessageInit } from '../../core/contract/message.ts'
import type { Subscription } from '../../core/contract/session.ts'
import { LinkServer } from '../../core/link/server/link-server.ts'
import { serveLinks } from '../../core/link/server/serve.node.ts'
import { type RemoteEdge, RemoteLink } from '../../edge/link/remote-link.ts'
import { nodeConnector } from '../../edge/link/socket.node.ts'
import { webConnector } from '../../edge/link/socket.ts'
import { Network } from '../harness/wire.ts'
import { key, Rig, text } from '../unit/core/rig.ts'

/** An edge that notes what it is told. */
export class Probe implements RemoteEdge {
  link!: CoreLink
  readonly got: Message[] = []
  readonly groups: (readonly TopicFilter[] | undefined)[] = []
  readonly receipts: string[] = []
  readonly kicked: string[] = []
  begun = 0
  /** What `deliver` answers. */
  holds = false
  #seq = 0

  receipt(message: Message, matched: boolean): void {
    this.receipts.push(`${message.publisher}:${matched}`)
  }

  deliver(message: Message, groups: readonly TopicFilter[] | undefined): boolean {
    this.got.push(message)
    this.groups.push(groups)
    return this.holds && message.qos > 0
  }

  kick(client: ClientKey, epoch: number, reason: number): void {
    this.kicked.push(client)
    void reason
    this.link.release(client, epoch, { will: true, expirySec: 3600, outbound: { inflight: [], queue: [] } })
  }

  congested(): void {}

  beginAnew(): void {
    this.begun++
  }

  suspend(): void {}

  get texts(): string[] {
    return this.got.map(text)
  }

  publish(topic: string, payload: string, more: Partial<MessageInit> = {}): void {
    const init = { tenant: '', topic, qos: 1, payload: new TextEncoder().encode(payload), ...more } as MessageInit
    const message = new Message(this.link.incarnation, ++this.#seq, init)
    message.publisher = payload
    this.link.publish(message)
  }
}

export interface World {
  edge(): Promise<Probe>
  /** Runs everything until `done` answers something. */
  until<T>(done: () => T | undefined | false): Promise<T>
  close(): void
}

export const claim = async (
  world: World,
  edge: Probe,
  id: string,
  more: Partial<ClaimRequest> = {},
): Promise<Extract<ClaimReply, { ok: true }>> => {
  let reply: ClaimReply | undefined
  edge.link.claim({ client: key(id), cleanStart: false, expirySec: 3600, will: undefined, ...more }, r => {
    reply = r
  })
  const granted = await world.until(() => reply)
  if (!granted.ok) throw new Error(`Claim of '${id}' was not granted: ${granted.detail}`)
  return granted
}

export const subscribe = async (
  world: World,
  edge: Probe,
  id: string,
  epoch: number,
  ...subscriptions: Subscription[]
): Promise<void> => {
  let done = false
  edge.link.subscribe(key(id), epoch, subscriptions, () => {
    done = true
  })
  await world.until(() => done)
}

const ROUNDS = 2_000

/** Turns by hand: everything happens in `pump`, which says whether anything did. */
const byHand = (pump: () => void): World['until'] => {
  return async done => {
    for (let i = 0; i < ROUNDS; i++) {
      const value = done()
      if (value !== undefined && value !== false) return value
      pump()
    }
    throw new Error('It did not come')
  }
}

export function local(): World {
  const rig = new Rig()
  let lives = 0
  return {
    async edge() {
      const probe = new Probe()
      probe.link = rig.core.attach(probe as EdgePort, `edge${++lives}` as Incarnation)
      return probe
    },
    until: byHand(() => rig.settle()),
    close: () => rig.core.close(),
  }
}

/** What both remote kinds share; `settle` ends a turn of everybody. */
function remote(
  rig: Rig,
  connect: LinkConnector,
  url: () => string,
  late: (() => void)[],
  until: World['until'],
): World {
  let lives = 0
  const links: RemoteLink[] = []
  return {
    async edge() {
      const probe = new Probe()
      const link = new RemoteLink(probe, {
        incarnation: `edge${++lives}` as Incarnation,
        id: `e${lives}`,
        region: 'r1',
        cores: [url()],
        prefer: '',
        token: 'secret',
        limits: DEFAULT_LIMITS,
        stats: new LinkStats(),
        connect,
        now: () => rig.now,
        random: () => 0,
        atTurnEnd: fn => late.push(fn),
      })
      probe.link = link
      links.push(link)
      link.start()
      await until(() => link.linked)
      return probe
    },
    until,
    close() {
      for (const link of links) void link.close()
      rig.core.close()
    },
  }
}

const serverOf = (rig: Rig, late: (() => void)[]): LinkServer =>
  new LinkServer({
    id: 'c1',
    site: 'eu',
    incarnation: 'core' as Incarnation,
    token: 'secret',
    core: () => rig.core,
    limits: DEFAULT_LIMITS,
    stats: new LinkStats(),
    now: () => rig.now,
    atTurnEnd: fn => late.push(fn),
  })

const turnOf = (rig: Rig, late: (() => void)[]): (() => void) => {
  return () => {
    rig.settle()
    for (const fn of late.splice(0)) fn()
  }
}

export function records(): World {
  const rig = new Rig()
  const late: (() => void)[] = []
  const network = new Network()
  const server = serverOf(rig, late)
  network.listeners.set('ws://core', transport => server.accept(transport, 'wire'))
  const turn = turnOf(rig, late)
  return remote(
    rig,
    network.connect,
    () => 'ws://core',
    late,
    byHand(() => {
      network.step()
      turn()
    }),
  )
}

/** `standard`: the WebSocket of browsers and Deno, instead of the `ws` package. */
export async function websocket(standard: boolean): Promise<World> {
  const rig = new Rig()
  const late: (() => void)[] = []
  const http = createServer()
  const upgrades = serveLinks(http, serverOf(rig, late), { path: '/link' })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/link`
  const turn = turnOf(rig, late)
  const until: World['until'] = async done => {
    for (const end = Date.now() + 10_000; Date.now() < end; ) {
      const value = done()
      if (value !== undefined && value !== false) return value
      turn()
      await new Promise(resolve => setImmediate(resolve))
    }
    throw new Error('It did not come')
  }
  const world = remote(rig, standard ? webConnector() : nodeConnector(), () => url, late, until)
  return {
    ...world,
    close() {
      world.close()
      upgrades.close()
      http.close()
    },
  }
}
