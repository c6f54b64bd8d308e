/** Messages between sites: what MQTT promises holds whichever site publisher and subscriber are at. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { DEFAULT_TENANT, type TopicFilter } from '../../core/contract/ids.ts'
import { Client } from './client.ts'
import { Sites, type SitesOptions } from './sites.ts'

const opened: Sites[] = []
const dirs: string[] = []

function open(more: Partial<SitesOptions> = {}): Sites {
  const sites = new Sites({ names: ['eu', 'us'], edges: 1, ...more })
  opened.push(sites)
  return sites
}

const onDisk = (): Pick<SitesOptions, 'dataDir'> => {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-sites-'))
  dirs.push(dir)
  return { dataDir: name => join(dir, name) }
}

afterEach(() => {
  for (const sites of opened.splice(0)) sites.close()
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

function client(sites: Sites, site: string, id: string, options = {}): Client {
  const one = new Client(sites.at(site), id)
  one.connect(options)
  return one
}

/** Everybody answers until nothing moves. */
function rest(sites: Sites, ...clients: Client[]): void {
  for (let quiet = 0, round = 0; quiet < 3; round++) {
    if (round > 200) throw new Error('The clients do not come to rest')
    sites.settle()
    let moved = 0
    for (const one of clients) moved += one.work()
    quiet = moved === 0 ? quiet + 1 : 0
    sites.pass(250)
  }
}

const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

describe('two sites', () => {
  test.each([0, 1, 2] as const)('a QoS %i message published at one reaches a subscriber at the other', qos => {
    const sites = open()
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('a/+', 2)
    const pub = client(sites, 'eu', 'pub')
    pub.publish('a/1', 'x', qos)
    rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(['x'])
    expect(sub.seen[0]!.qos).toBe(qos)
    if (qos > 0) expect(pub.acked).toEqual(['x'])
  })
})

test.each(['part', 'silence'] as const)('who is linked to after a %s links back at once', how => {
  const sites = open()
  const [eu, us] = [sites.at('eu'), sites.at('us')]
  const back = () => us.core.peers!.get('eu')!.state
  if (how === 'part') {
    sites.bar('us', 'eu')
    sites.pass(5_000)
  } else {
    us.peerWires.get('eu')!.cut('Cut')
    us.peerWires.get('eu')!.silent = true
    sites.pass(1_500)
  }
  sites.heal()
  sites.settle()
  expect(back()).toMatch(/^No core is linked/)
  eu.peerWires.get('us')!.cut('Cut')
  sites.settle()
  expect(back()).toBe("Linked to core 'c1' of site 'eu'")
})

describe('a subscriber that is away', () => {
  test('gets everything when it is back, in order, though the sites were apart and the core of one died', () => {
    const sites = open(onDisk())
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('a/+', 2)
    sub.disconnect()
    const pub = client(sites, 'eu', 'pub')
    const all: string[] = []
    const publish = (n: number) => {
      for (let i = 0; i < n; i++) {
        pub.publish('a/1', `${all.length}`, 2)
        all.push(`${all.length}`)
        rest(sites, pub)
      }
    }
    publish(2)
    sites.part('eu', 'us')
    publish(2)
    sites.pass(10_000)
    publish(2)
    sites.at('us').crashCore()
    sites.at('eu').crashCore()
    sites.pass(3_000)
    pub.connect()
    publish(1)
    sites.heal()
    sites.pass(6_000)
    publish(1)
    expect(pub.acked).toEqual(all)
    sub.connect()
    rest(sites, sub)
    expect(textsOf(sub)).toEqual(all)
  })

  test('a link that breaks again and again loses nothing and brings nothing twice', () => {
    const sites = open()
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('#', 2)
    const pub = client(sites, 'eu', 'pub')
    const all: string[] = []
    for (let i = 0; i < 60; i++) {
      pub.publish('a/1', `${i}`, 2)
      all.push(`${i}`)
      for (let n = 0; n < i % 7; n++) sites.turn()
      pub.work()
      sub.work()
      if (i % 5 === 0) sites.cut('eu', 'us', (['both', 'edge', 'core'] as const)[i % 3])
      if (i % 11 === 0) sites.pass(i % 2 === 0 ? 500 : 4_000)
    }
    sites.pass(15_000)
    rest(sites, sub, pub)
    expect(pub.acked.length).toBe(all.length)
    expect(textsOf(sub)).toEqual(all)
  })
})

describe('shared groups', () => {
  test('a member at the site of the publisher comes first; else one of another site gets the message, once', () => {
    const sites = open()
    const near = client(sites, 'eu', 'near', { clean: true, expirySec: 0 })
    const far = client(sites, 'us', 'far')
    for (const one of [near, far]) one.subscribe('$share/g/a/+', 2)
    const pub = client(sites, 'eu', 'pub')
    pub.publish('a/1', 'local', 2)
    rest(sites, near, far, pub)
    expect([textsOf(near), textsOf(far)]).toEqual([['local'], []])
    near.disconnect()
    pub.publish('a/1', 'far', 2)
    rest(sites, far, pub)
    expect(textsOf(far)).toEqual(['far'])
  })

  test('a copy that finds no member any more goes back, to one that is there', () => {
    const sites = open()
    const far = client(sites, 'us', 'far', { clean: true, expirySec: 0 })
    const near = client(sites, 'eu', 'near')
    for (const one of [near, far]) one.subscribe('$share/g/a/+', 2)
    near.disconnect()
    const pub = client(sites, 'eu', 'pub')
    sites.at('us').network.down = true
    far.disconnect()
    sites.cut('eu', 'us')
    pub.publish('a/1', 'x', 2)
    rest(sites, pub)
    sites.pass(6_000)
    near.connect()
    rest(sites, near, pub)
    expect(textsOf(near)).toEqual(['x'])
  })

  test('a group of which only a site that is away has members waits for that site', () => {
    const sites = open()
    const far = client(sites, 'us', 'far')
    far.subscribe('$share/g/a/+', 2)
    far.subscribe('a/1', 1)
    sites.part('eu', 'us')
    sites.pass(6_000)
    const pub = client(sites, 'eu', 'pub')
    pub.publish('a/1', 'x', 2)
    rest(sites, pub, far)
    expect(textsOf(far)).toEqual([])
    sites.heal()
    sites.pass(6_000)
    rest(sites, far, pub)
    expect(far.seen.map(({ text, qos }) => `${text}${qos}`).sort()).toEqual(['x1', 'x2'])
  })
})

describe('three sites', () => {
  const names = ['eu', 'us', 'ap']

  test('each gets a message once, and nobody sends on what came from another one', () => {
    const sites = open({ names })
    const subs = names.map(name => client(sites, name, `sub-${name}`))
    for (const sub of subs) sub.subscribe('#', 2)
    const pub = client(sites, 'eu', 'pub')
    for (let i = 0; i < 10; i++) pub.publish('a/1', `${i}`, i % 2 === 0 ? 1 : 2)
    rest(sites, ...subs, pub)
    for (const sub of subs) expect(textsOf(sub)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(String))
    expect(names.map(name => sites.at(name).coreStats.relayedIn)).toEqual([0, 10, 10])
    expect(names.map(name => sites.at(name).coreStats.relayedOut)).toEqual([20, 0, 0])
  })

  test('a retained message gets to all of them, also where nobody wants it yet or nobody is linked', () => {
    const sites = open({ names })
    sites.part('eu', 'ap')
    sites.pass(6_000)
    const pub = client(sites, 'eu', 'pub')
    pub.publish('a/1', 'kept', 1, true)
    pub.publish('a/2', 'fleeting', 0, true)
    rest(sites, pub)
    sites.heal()
    sites.pass(6_000)
    for (const name of ['us', 'ap']) {
      const sub = client(sites, name, `sub-${name}`)
      sub.subscribe('a/#', 1)
      rest(sites, sub)
      expect(sub.seen.map(({ text, retain }) => `${text}:${retain}`).sort()).toEqual(['fleeting:true', 'kept:true'])
    }
    expect(pub.acked).toEqual(['kept'])
  })

  test('what the gateway says of itself stays at its site', () => {
    const sites = open({ names })
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('$SYS/#', 1)
    expect(sites.at('us').coreStats.nowExportedFilters).toBe(0)
    sites.at('eu').core.publish({
      tenant: '' as never,
      topic: '$SYS/x' as never,
      qos: 0,
      retain: true,
      payload: Uint8Array.of(1),
    })
    rest(sites, sub)
    expect(sub.seen).toEqual([])
    expect(sites.at('eu').coreStats.relayedOut).toBe(0)
  })
})

describe('what is asked for', () => {
  test('follows the sessions: first, last, and what changed while the link was away', () => {
    const sites = open()
    // Nobody but the other site has subscriptions there.
    const asked = () => sites.at('eu').coreStats.nowSubscriptions
    const [one, two] = ['one', 'two'].map(id => client(sites, 'us', id)) as [Client, Client]
    for (const sub of [one, two]) sub.subscribe('a', 1)
    one.subscribe('b', 1)
    expect(asked()).toBe(2)
    one.unsubscribe('a')
    expect(asked()).toBe(2)
    two.unsubscribe('a')
    expect(asked()).toBe(1)
    sites.part('eu', 'us')
    sites.pass(6_000)
    one.unsubscribe('b')
    one.subscribe('c', 1)
    sites.heal()
    sites.pass(6_000)
    expect(asked()).toBe(1)
    const pub = client(sites, 'eu', 'pub')
    for (const topic of ['a', 'b', 'c']) pub.publish(topic, topic, 1)
    rest(sites, one, pub)
    expect(textsOf(one)).toEqual(['c'])
    expect(sites.at('us').coreStats.relayedIn).toBe(1)
    one.disconnect(0, 0)
    rest(sites)
    expect(asked()).toBe(0)
    expect(sites.at('us').coreStats.nowExportedFilters).toBe(0)
  })

  test('SUBACK says that other sites send from now on, or that they took too long', () => {
    const sites = open()
    const sub = client(sites, 'us', 'sub')
    const granted = () => {
      sub.work()
      return sub.log.filter(({ cmd }) => cmd === 'suback').length
    }
    sub.requestSubscribe('a', 1)
    for (let i = 0; granted() === 0; i++) {
      expect(i).toBeLessThan(40)
      sites.turn()
    }
    expect(sites.at('eu').coreStats.nowSubscriptions).toBe(1)
    for (const wire of sites.network.wires) wire.silent = true
    sub.requestSubscribe('b', 1)
    sites.settle()
    expect(granted()).toBe(1)
    sites.pass(500)
    expect(granted()).toBe(2)
  })
})

describe('bounds', () => {
  test('what is more than may be on its way waits at the other site, and comes in order', () => {
    const sites = open({ limits: { peerWaitingBytes: 500, peerPageMessages: 3 } })
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('a', 2)
    const pub = client(sites, 'eu', 'pub')
    const all = Array.from({ length: 60 }, (_, i) => `${i}`)
    for (const text of all) pub.publish('a', text, 2)
    rest(sites, sub, pub)
    sites.pass(5_000)
    rest(sites, sub, pub)
    expect(textsOf(sub)).toEqual(all)
    // It had given some of them back that were on their way into its log already.
    expect(sites.at('us').coreStats.relayedTwice).toBeGreaterThan(0)
    expect(sites.at('us').coreStats.nowPeerWaitingBytes).toBe(0)
    expect(sites.at('eu').coreStats.nowWaitingForSites).toBe(0)
  })

  test('the inbox of a site has bounds of its own', () => {
    const sites = open({ limits: { inboxMessages: 2, siteInboxMessages: 5 } })
    const subs = ['one', 'two', 'three'].map(id => client(sites, 'us', id))
    for (const sub of subs) sub.subscribe(`t/${sub.id}`, 1)
    sites.part('eu', 'us')
    sites.pass(6_000)
    const pub = client(sites, 'eu', 'pub')
    for (let i = 0; i < 6; i++) pub.publish(`t/${subs[i % 3]!.id}`, `${i}`, 1)
    rest(sites, pub)
    expect(sites.at('eu').coreStats.nowWaitingForSites).toBe(5)
    sites.heal()
    sites.pass(6_000)
    rest(sites, ...subs)
    expect(subs.flatMap(textsOf).sort()).toEqual(['1', '2', '3', '4', '5'])
  })
})

describe('what waits for a site that is away', () => {
  const matching = (sites: Sites, at: string, asker: string, ...filters: string[]): string[] | undefined => {
    let found: string[] | undefined
    sites
      .at(asker)
      .core.peers!.get(at)!
      .sift(DEFAULT_TENANT, 'us', filters as TopicFilter[], messages => {
        found = messages?.map(({ payload }) => new TextDecoder().decode(payload))
      })
    sites.settle()
    return found
  }

  test('is found by others, in order, and stays there', () => {
    const sites = open({ names: ['eu', 'us', 'ap'], limits: { peerPageMessages: 2 } })
    const sub = client(sites, 'us', 'sub')
    sub.subscribe('#', 2)
    const pub = client(sites, 'eu', 'pub')
    sites.part('eu', 'us')
    const publish = (...topics: string[]) => {
      for (const topic of topics) pub.publish(topic, topic, 1)
      pub.publish('a/0', 'never', 0)
      rest(sites, pub)
    }
    publish('a/1', 'b', 'a/2')
    // Before the link is given up.
    expect(matching(sites, 'eu', 'ap', 'a/+', 'a/2')).toEqual(['a/1', 'a/2'])
    expect(matching(sites, 'eu', 'ap', '$share/g/#')).toEqual([])
    sites.pass(6_000)
    publish('a/3', 'c')
    expect(matching(sites, 'eu', 'ap', 'a/+', 'b')).toEqual(['a/1', 'b', 'a/2', 'a/3'])
    sites.heal()
    sites.pass(6_000)
    rest(sites, sub)
    expect(textsOf(sub)).toEqual(['a/1', 'b', 'a/2', 'a/3', 'c'])
    expect(matching(sites, 'eu', 'ap', '#')).toEqual([])
    sites.part('eu', 'ap')
    sites.pass(3_000)
    expect(matching(sites, 'eu', 'ap', '#')).toBeUndefined()
  })
})

describe('who may link', () => {
  test('no device, and no edge, has the session of a site', () => {
    const sites = open()
    const device = client(sites, 'eu', '$site/us')
    expect(device.connected).toBe(false)
    expect(sites.at('eu').coreStats.nowPeers).toBe(1)
  })
})
