/** Two edges, an active core and one that stands by, on real RocketMQ and Redis: what devices see across edges, and when processes end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { Peer } from '../conversations/peer.ts'
import { sleep, until } from '../harness/process.ts'
import { type Site, startSite } from '../harness/site.ts'
import { Client, persistently } from './client.ts'
import { pageOf } from './program.ts'

vi.setConfig({ testTimeout: 60_000 })

const TAKEN_OVER = 0x8e
const GOING = 0x8b
const folder = mkdtempSync(join(tmpdir(), 'meridian-cluster-'))
let site: Site
const port = (edge: number): number => site.edges[edge]!.mqttPort

beforeAll(async () => {
  site = await startSite({ folder, cores: 2, edges: 2 })
}, 120_000)

afterAll(async () => {
  const faults = site?.servers?.rocketmq.faults() ?? []
  await site?.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(faults).toEqual([])
}, 30_000)

/** Whatever has ended runs again. */
afterEach(async () => {
  for (const one of site.processes) await one.start()
  await site.ready()
}, 120_000)

describe('across edges', () => {
  test.each([0, 1, 2] as const)('publish and subscribe at QoS %s, in order', async qos => {
    const sub = await Client.at(port(0))
    const pub = await Client.at(port(1))
    await sub.subscribe(`plain/${qos}/#`, qos)
    for (let n = 0; n < 20; n++) await pub.publish(`plain/${qos}/x`, `${n}`, qos)
    expect(await sub.received(20)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
    expect(sub.arrived.every(one => one.packet.qos === qos)).toBe(true)
    await Promise.all([sub.leave(), pub.leave()])
  })

  test('a retained message is there at the other edge, and can be removed', async () => {
    const pub = await Client.at(port(1))
    await pub.publish('rooms/kitchen', '21', 1, true)
    const sub = await Client.at(port(0))
    await sub.subscribe('rooms/+', 1)
    expect(await sub.received(1)).toEqual(['21'])
    expect(sub.arrived[0]?.packet.retain).toBe(true)
    await pub.publish('rooms/kitchen', '', 1, true)
    const later = await Client.at(port(0))
    await later.subscribe('rooms/+', 1)
    await sleep(300)
    expect(later.arrived).toEqual([])
    await Promise.all([sub.leave(), pub.leave(), later.leave()])
  })

  test('a shared group with members at both edges gets each message once', async () => {
    const members = await Promise.all([0, 0, 1, 1].map(edge => Client.at(port(edge))))
    for (const member of members) await member.subscribe('$share/team/jobs', 1)
    const pub = await Client.at(port(0))
    const jobs = Array.from({ length: 40 }, (_, n) => `${n}`)
    for (const job of jobs) await pub.publish('jobs', job, 1)
    const done = () => members.flatMap(member => member.payloads)
    await until('all jobs', 15_000, () => done().length >= jobs.length || undefined)
    await sleep(300)
    expect(done().sort()).toEqual([...jobs].sort())
    await Promise.all([...members.map(member => member.leave()), pub.leave()])
  })

  test('a message to one client finds it at the other edge, and waits for it when it is away', async () => {
    const lamp = await Client.kept(port(1), 'lamp')
    const pub = await Client.at(port(0))
    await pub.publish('$p2p/lamp/set', 'on', 1)
    expect(await lamp.received(1)).toEqual(['on'])
    await lamp.leave()
    await pub.publish('$p2p/lamp/set', 'off', 1)
    const back = await Client.kept(port(0), 'lamp')
    expect(await back.received(1)).toEqual(['off'])
    await Promise.all([back.mqtt.endAsync(false, { properties: { sessionExpiryInterval: 0 } }), pub.leave()])
  })

  test('what came while a session was away is there at the other edge, in order', async () => {
    const first = await Client.kept(port(0), 'kitchen')
    await first.subscribe('orders/#', 2)
    await first.leave()
    const pub = await Client.at(port(0))
    const orders = Array.from({ length: 50 }, (_, n) => `${n}`)
    for (const order of orders) await pub.publish('orders/1', order, 2)
    const second = await Client.kept(port(1), 'kitchen')
    expect(second.present).toBe(true)
    expect(await second.received(50)).toEqual(orders)
    await pub.publish('orders/1', 'live', 2)
    expect((await second.received(51)).at(-1)).toBe('live')
    await Promise.all([second.leave(), pub.leave()])
  })

  test('a takeover closes the old connection with 0x8E; what was in flight and waiting goes on at the new edge', async () => {
    const old = await Peer.open({ transport: 'tcp', host: '127.0.0.1', tcpPort: port(0), wsUrl: '' }, 5)
    const next = async () => (await old.next(10_000)) ?? {}
    const properties = { sessionExpiryInterval: 300, receiveMaximum: 5 }
    old.send({ cmd: 'connect', clientId: 'mover', clean: false, keepalive: 0, protocolVersion: 5, properties })
    expect(await next()).toMatchObject({ cmd: 'connack', code: 0, sessionPresent: false })
    old.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'moves/#', qos: 2 }] })
    expect(await next()).toMatchObject({ cmd: 'suback' })
    const pub = await Client.at(port(1))
    const moves = Array.from({ length: 20 }, (_, n) => `${n}`)
    for (const move of moves) await pub.publish('moves/1', move, 2)
    const first = await next()
    for (let n = 1; n < 5; n++) expect(await next()).toMatchObject({ cmd: 'publish', qos: 2, dup: false })
    old.send({ cmd: 'pubrec', messageId: first.messageId })
    expect(await next()).toMatchObject({ cmd: 'pubrel', messageId: first.messageId })

    const there = await Client.kept(port(1), 'mover')
    expect(there.present).toBe(true)
    expect(await next()).toMatchObject({ cmd: 'disconnect', code: TAKEN_OVER })
    // The first was taken with PUBREC: only its PUBREL comes again.
    expect(await there.received(19)).toEqual(moves.slice(1))
    expect(there.arrived.map(one => one.packet.dup)).toEqual(moves.slice(1).map((_, n) => n < 4))
    await sleep(300)
    expect(there.arrived).toHaveLength(19)
    await Promise.all([there.leave(), pub.leave()])
  })
})

describe('when processes end', () => {
  test('kill -9 of an edge: wills are published once, kept sessions go on at the other edge', async () => {
    const watcher = await Client.at(port(0))
    await watcher.subscribe('wills/#', 1)
    const will = { topic: 'wills/1', payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const dying = await Client.kept(port(1), 'dying', { will })
    await dying.subscribe('news/#', 1)
    await site.edges[1]!.process.kill9()
    expect(await watcher.received(1)).toEqual(['gone'])
    await watcher.publish('news/1', 'while away', 1)
    const back = await Client.kept(port(0), 'dying')
    expect(back.present).toBe(true)
    expect(await back.received(1)).toEqual(['while away'])
    await sleep(500)
    expect(watcher.payloads).toEqual(['gone'])
    await Promise.all([watcher.leave(), back.leave()])
  })

  test('kill -9 of the active core: the standby takes over with everything that was acknowledged', async () => {
    const sub = await Client.kept(port(0), 'survivor')
    await sub.subscribe('safe/#', 1)
    await sub.leave()
    const pub = await Client.at(port(1))
    await pub.publish('safe/retained', 'kept', 1, true)
    const acknowledged = Array.from({ length: 30 }, (_, n) => `${n}`)
    for (const text of acknowledged) await pub.publish('safe/1', text, 1)
    const active = await site.active()
    await active.process.kill9()
    const back = await persistently('the session', 30_000, () => Client.kept(port(0), 'survivor'))
    expect(back.present).toBe(true)
    await back.received(31)
    expect(back.arrived.filter(one => one.topic === 'safe/1').map(one => one.payload)).toEqual(acknowledged)
    const other = await persistently('the other edge', 30_000, () => Client.at(port(1)))
    await other.subscribe('safe/retained', 1)
    expect(await other.received(1)).toEqual(['kept'])
    await Promise.all([back.leave(), other.leave(), pub.vanish()])
  })

  test('kill -9 of a core that has not read it: a DISCONNECT removes the will all the same, and that of who vanished comes once', async () => {
    const watcher = await Client.kept(port(0), 'listener')
    await watcher.subscribe('last/#', 1)
    const will = { topic: 'last/1', qos: 1 as const, retain: false }
    const polite = await Client.kept(port(1), 'polite', { will: { ...will, payload: Buffer.from('polite') } })
    const rude = await Client.kept(port(1), 'rude', { will: { ...will, payload: Buffer.from('rude') } })
    const active = await site.active()
    active.process.pause()
    await polite.leave()
    await rude.vanish()
    await active.process.kill9()
    const back = await persistently('the listener', 30_000, () => Client.kept(port(0), 'listener'))
    await back.received(1)
    await sleep(3_000)
    expect(back.payloads).toEqual(['rude'])
    await Promise.all([back.leave(), watcher.vanish()])
  })

  test('a core that stood still while another took over ends, and nothing of it takes effect', async () => {
    const sub = await Client.kept(port(0), 'sceptic')
    await sub.subscribe('still/#', 1)
    const zombie = await site.active()
    zombie.process.pause()
    const other = site.cores.find(core => core !== zombie)!
    await until('the other core to serve', 30_000, async () => (await other.isActive()) || undefined)
    const pub = await persistently('a publisher', 30_000, () => Client.at(port(1)))
    const back = await persistently('the session', 30_000, () => Client.kept(port(0), 'sceptic'))
    await pub.publish('still/1', 'once', 1)
    zombie.process.resume()
    await until('the zombie to end', 10_000, () => zombie.process.pid === undefined || undefined)
    expect(zombie.process.logTail()).toContain('Another core has taken over')
    await pub.publish('still/1', 'twice', 1)
    expect(await back.received(2)).toEqual(['once', 'twice'])
    await Promise.all([back.leave(), pub.leave(), sub.vanish()])
  })

  test('SIGTERM of the active core: the standby is active at once', async () => {
    const sub = await Client.kept(port(0), 'patient')
    await sub.subscribe('calm/#', 1)
    await sub.leave()
    const pub = await Client.at(port(1))
    await pub.publish('calm/1', 'before', 1)
    const active = await site.active()
    const standby = site.cores.find(core => core !== active)!
    await active.process.stop()
    // A lease that was not given back would hold for five seconds more.
    await until('the standby to take over', 3_500, async () => {
      const { text } = await pageOf(standby.httpPort, '/')
      return !text.includes('standby') || undefined
    })
    const back = await persistently('the session', 20_000, () => Client.kept(port(0), 'patient'))
    expect(await back.received(1)).toEqual(['before'])
    await Promise.all([back.leave(), pub.vanish()])
  })

  test('SIGTERM of an edge: devices are told (0x8B), sessions go on at once elsewhere', async () => {
    const watcher = await Client.at(port(0))
    await watcher.subscribe('notes/#', 1)
    const leaving = await Client.kept(port(1), 'guest')
    await leaving.subscribe('guest/#', 1)
    await site.edges[1]!.process.stop()
    expect(leaving.disconnected).toBe(GOING)
    const back = await Client.kept(port(0), 'guest')
    expect(back.present).toBe(true)
    await watcher.publish('guest/1', 'hello again', 1)
    expect(await back.received(1)).toEqual(['hello again'])
    await Promise.all([watcher.leave(), back.leave()])
  })
})
