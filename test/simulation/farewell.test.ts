/** How a connection ended is known to the edge alone until its core has it safe: a core that dies with it must not make the next one publish a will, or keep a session, that the client has taken back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { Client } from './client.ts'
import { Site } from './site.ts'

const AWAY = { reason: 0x9c, serverReference: undefined }
const { linkGraceMs, linkLostMs, drainWillHoldMs } = DEFAULT_LIMITS
/** Edges link again, and what waited for them is decided. */
const DECIDED_MS = 2 * linkGraceMs + 1_000

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

class Scene {
  readonly site: Site
  readonly watcher: Client
  readonly client: Client

  constructor() {
    const dataDir = mkdtempSync(join(tmpdir(), 'meridian-farewell-'))
    this.site = new Site({ edges: 2, dataDir })
    ends.push(() => {
      this.site.close()
      rmSync(dataDir, { recursive: true, force: true })
    })
    this.watcher = new Client(this.site, 'watcher')
    this.client = new Client(this.site, 'client')
    this.site.at = 1
    this.watcher.connect()
    this.watcher.subscribe('wills', 2)
    this.site.at = 0
  }

  /** With a will. */
  connect(expirySec: number, delaySec = 0, payload = 'gone'): void {
    const properties = { willDelayInterval: delaySec }
    this.client.connect({ expirySec, will: { topic: 'wills', payload, qos: 1, retain: false, properties } })
    expect(this.client.connected).toBe(true)
  }

  /** The core dies with what the edges have said in this turn. */
  crash(): void {
    this.site.edges[0]!.step()
    this.site.crashCore()
  }

  wills(): string[] {
    if (!this.watcher.connected) {
      this.site.at = 1
      this.watcher.connect()
      this.site.at = 0
    }
    while (this.watcher.work() > 0) this.site.settle()
    return this.watcher.seen.map(({ text }) => text)
  }
}

test.each([0, 3600])('a DISCONNECT that its core died with removes the will (session expiry %i s)', expirySec => {
  const scene = new Scene()
  scene.connect(expirySec)
  scene.client.disconnect()
  scene.crash()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual([])
  scene.connect(expirySec)
  expect(scene.client.sessionPresent).toBe(expirySec > 0)
  expect(scene.site.edges[0]!.linkStats.nowFarewells).toBe(0)
})

test('the same if the next core dies as well before it knows', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.client.disconnect()
  scene.crash()
  scene.site.crashCore()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual([])
})

test('a session that ended with its DISCONNECT has ended for the next core', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.client.disconnect(0, 0)
  scene.crash()
  scene.site.pass(DECIDED_MS)
  scene.connect(3600)
  expect(scene.client.sessionPresent).toBe(false)
})

test('the expiry that DISCONNECT names counts from there', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.client.disconnect(0, 10)
  scene.crash()
  scene.site.pass(8_000)
  expect(scene.site.coreStats.nowSessions).toBe(2)
  scene.site.pass(2_000)
  expect(scene.site.coreStats.nowSessions).toBe(1)
})

test('DISCONNECT with will: it is published, once', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.client.disconnect(4)
  scene.crash()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual(['gone'])
})

test('who was sent away and comes back has nothing published', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.site.edges[0]!.edge.dismiss(1, () => AWAY)
  scene.client.drop()
  scene.crash()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual([])
  scene.site.at = 1
  scene.connect(3600, 0, 'later')
  scene.site.pass(drainWillHoldMs)
  expect(scene.wills()).toEqual([])
})

test('who was sent away and does not come back has its will published when that has passed', () => {
  const scene = new Scene()
  scene.connect(0)
  scene.site.edges[0]!.edge.dismiss(1, () => AWAY)
  scene.client.drop()
  scene.crash()
  scene.site.pass(DECIDED_MS)
  scene.site.pass(drainWillHoldMs - DECIDED_MS - 1_000)
  expect(scene.wills()).toEqual([])
  scene.site.pass(2_000)
  expect(scene.wills()).toEqual(['gone'])
})

test('the will of who vanished with the core is published, once, also if no edge says anything', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.site.kill(0)
  scene.site.crashCore()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual(['gone'])
  scene.site.crashCore()
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual(['gone'])
})

test.each([0, 3600])('who comes back at once has its will published first (session expiry %i s)', expirySec => {
  const scene = new Scene()
  scene.connect(expirySec)
  scene.client.lost()
  scene.site.crashCore()
  scene.site.pass(1_750)
  scene.connect(expirySec, 0, 'later')
  expect(scene.client.sessionPresent).toBe(expirySec > 0)
  expect(scene.wills()).toEqual(['gone'])
  scene.site.pass(DECIDED_MS)
  expect(scene.wills()).toEqual(['gone'])
})

test('a connection that was made elsewhere since keeps its will and its session', () => {
  const scene = new Scene()
  scene.connect(3600)
  scene.client.disconnect(0, 0)
  scene.site.cut(0, 'both')
  scene.site.edges[0]!.link.tick = () => {}
  scene.crash()
  scene.site.pass(DECIDED_MS)
  scene.site.at = 1
  scene.connect(3600, 0, 'later')
  delete (scene.site.edges[0]!.link as { tick?: unknown }).tick
  scene.site.pass(DECIDED_MS)
  expect(scene.site.edges[0]!.link.linked).toBe(true)
  expect(scene.client.connected).toBe(true)
  scene.client.drop()
  scene.site.pass(1_000)
  expect(scene.wills()).toContain('later')
})

test.each([linkGraceMs + 1_000, linkLostMs + 2_000])('a DISCONNECT while the link is cut for %i ms', cutMs => {
  const scene = new Scene()
  scene.connect(3600, 60)
  scene.site.network.down = true
  scene.site.cut(0, 'both')
  scene.site.pass(500)
  scene.client.disconnect(0, 90)
  scene.site.pass(cutMs)
  expect(scene.site.edges[0]!.linkStats.nowFarewells).toBe(1)
  scene.site.network.down = false
  scene.site.pass(DECIDED_MS)
  scene.site.pass(70_000 - DECIDED_MS)
  expect(scene.site.edges[0]!.linkStats.nowFarewells).toBe(0)
  expect(scene.wills()).toEqual([])
  expect(scene.site.coreStats.nowSessions).toBe(2)
  scene.site.pass(21_000 - cutMs)
  expect(scene.site.coreStats.nowSessions).toBe(1)
})
