/** An edge whose core is lost with its site knows how far each QoS 2 message came: the core of the next site, whose record of the session is older than that, hears it first. */
import { afterEach, expect, test } from 'vitest'
import type { ClientKey } from '../../core/contract/ids.ts'
import type { State } from '../../core/state/port.ts'
import { Client } from './client.ts'
import type { Site } from './site.ts'
import { Sites } from './sites.ts'

const NAMES = ['eu', 'us'] as const
const SUB = ':sub' as ClientKey

let sites: Sites
afterEach(() => sites.close())

/** At the edge of one region, which may not hear it. */
class Device extends Client {
  readonly region: Site
  unheard = false

  constructor(id: string, region: Site) {
    super(
      {
        open: () => region.open(),
        feed: (pipe, bytes) => {
          if (!this.unheard) region.feed(pipe, bytes)
        },
        settle: () => sites.settle(),
      } as ConstructorParameters<typeof Client>[0],
      id,
    )
    this.region = region
  }
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    sites.pass(250)
    await new Promise(done => setImmediate(done))
  }
}

/** They come back when they have lost their connection, and answer, for so long. */
async function live(ms: number, ...devices: readonly Device[]): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    for (const one of devices) {
      if (!one.connected) {
        one.drop()
        one.connect()
      }
      one.unheard = false
      one.work()
    }
    await pass(250)
  }
}

async function open(): Promise<{ sub: Device; pub: (at: 'eu' | 'us') => Device }> {
  const limits = { siteProbeMs: 1_000, siteFailbackMs: 3_600_000 }
  sites = new Sites({ names: NAMES, edges: 1, shared: true, roaming: true, limits })
  await pass(2_000)
  const sub = new Device('sub', sites.at('eu'))
  sub.connect()
  sub.subscribe('a', 2)
  sub.work()
  await pass(1_000)
  const pub = (at: 'eu' | 'us'): Device => {
    const one = new Device('pub', sites.at(at))
    one.connect()
    return one
  }
  return { sub, pub }
}

/** The core of eu is lost to its edge and to us. */
function lose(): void {
  sites.at('eu').reachable(false)
  sites.part('eu', 'us')
}

/** What others can read of the sessions of eu stays as it is. */
function freeze(): void {
  const place = sites.globe!.at('eu')
  const state = place.state!
  const visits: ((visit: Parameters<State['load']>[0]) => void)[] = []
  state.load({
    session: record => visits.push(visit => visit.session(record)),
    subscription: (client, one) => visits.push(visit => visit.subscription(client, one)),
    retained: message => visits.push(visit => visit.retained(message)),
  })
  sites.globe!.place('eu', {
    load: visit => {
      for (const one of visits) one(visit)
      return undefined
    },
  })
}

const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

/** Of the first message. */
const releases = ({ log }: Client): number => {
  const id = log.find(({ cmd }) => cmd === 'publish')?.messageId
  return log.filter(({ cmd, messageId }) => cmd === 'pubrel' && messageId === id).length
}

/** Everything is answered and in order again. */
async function heal(sub: Device): Promise<void> {
  sites.heal()
  sites.at('eu').reachable(true)
  await live(10_000, sub)
}

function complete(sub: Device): void {
  for (let moved = 1; moved > 0; ) {
    moved = sub.work()
    sites.settle()
  }
}

const ENDS = {
  'has completed it': complete,
  'has sent PUBREC, which no core has heard': (sub: Device) => {
    lose()
    sub.work()
  },
  'has it, and its edge does not know': (sub: Device) => {
    lose()
    sub.unheard = true
    sub.work()
  },
}

test.each(Object.entries(ENDS))('a message that waits for the lost site still: the client %s', async (_, end) => {
  const { sub, pub } = await open()
  // What eu answers does not arrive.
  sites.at('eu').peerWires.get('us')!.edge.send = () => {}
  const by = pub('us')
  by.publish('a', '1', 2)
  sites.settle()
  sub.receive()
  expect(sub.inbox).toHaveLength(1)
  end(sub)
  lose()
  await live(8_000, sub, by)
  expect(sub.sessionPresent).toBe(true)
  expect(sites.at('us').coreStats.sessionsTaken).toBe(1)
  by.publish('a', '2', 2)
  await live(2_000, sub, by)
  expect(textsOf(sub)).toEqual(['1', '2'])
  expect(releases(sub)).toBe(1)
  await heal(sub)
  expect(textsOf(sub)).toEqual(['1', '2'])
})

test('the record has the message in flight, and the client has completed it', async () => {
  const { sub, pub } = await open()
  pub('eu').publish('a', '1', 2)
  sites.settle()
  sites.at('eu').core.stale(SUB)
  sites.settle()
  freeze()
  complete(sub)
  expect([textsOf(sub), releases(sub)]).toEqual([['1'], 1])
  lose()
  await live(8_000, sub)
  expect(sites.at('us').coreStats.sessionsTaken).toBe(1)
  await heal(sub)
  expect([textsOf(sub), releases(sub)]).toEqual([['1'], 1])
})

test.each([true, false])(
  'PUBREC came when the core was lost: PUBREL follows, the packet id is free (in the record: %s)',
  async isRecorded => {
    const { sub, pub } = await open()
    if (!isRecorded) freeze()
    pub('eu').publish('a', '1', 2)
    sites.settle()
    sites.at('eu').core.stale(SUB)
    sites.settle()
    lose()
    sub.work()
    expect([textsOf(sub), releases(sub)]).toEqual([['1'], 0])
    await live(8_000, sub)
    expect(sites.at('us').coreStats.sessionsTaken).toBe(1)
    expect([textsOf(sub), releases(sub)]).toEqual([['1'], 1])
    await heal(sub)
    expect([textsOf(sub), releases(sub)]).toEqual([['1'], 1])
  },
)
