/** A site is lost in the middle of QoS 2 exchanges, and nobody else knows of them: the session goes on at another site, and packet ids come round to those that the client holds open. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Session } from '../../edge/session/session.ts'
import { type Roamer, rest, roamer, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

const OPEN = 8
const dirs: string[] = []
const opened: Sites[] = []

afterEach(() => {
  vi.restoreAllMocks()
  for (const sites of opened.splice(0)) sites.close()
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

interface Scene {
  readonly sites: Sites
  readonly sub: Roamer
  /** At the site that stays. */
  readonly pub: Roamer
}

/** `sub` has sent PUBREC for some messages, and its site, which has not heard of it, is lost: it goes on at the other one. */
async function lose(): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-doubt-'))
  dirs.push(dir)
  const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, dataDir: name => join(dir, name) })
  opened.push(sites)
  await rest(sites)
  const sub = await roamer(sites, 'sub', 'eu', 'a/+')
  const pub = await roamer(sites, 'pub', 'us')
  const local = await roamer(sites, 'local', 'eu')
  for (let i = 0; i < OPEN; i++) local.publish('a/1', `old ${i}`, 2)
  sites.settle()
  sites.part('eu', 'us')
  expect(sub.work()).toBe(OPEN)
  sub.lost()
  sites.at('eu').kill(0)
  await sub.go('us')
  expect([sub.sessionPresent, sites.at('us').coreStats.sessionsTaken]).toEqual([true, 1])
  return { sites, sub, pub }
}

async function publish({ sites, sub, pub }: Scene, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `new ${i}`)
  for (const text of texts) pub.publish('a/1', text, 2)
  await rest(sites, sub, pub)
  return texts
}

/** The lost site is there again. */
async function comeBack({ sites, sub, pub }: Scene): Promise<void> {
  sites.heal()
  await rest(sites, pub)
  sites.pass(5_000)
  // It was sent away so that what was in flight goes on.
  if (!sub.connected) sub.connect()
  await rest(sites, sub, pub)
}

const count = (texts: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(texts)].map(text => [text, texts.filter(one => one === text).length]))

describe('a client holds packet ids open that only a lost site knows', () => {
  test('what comes under the same ids from another site is not taken for the old messages', async () => {
    // As after 65,535 messages: they begin where they began at the site that is lost.
    vi.spyOn(Session.prototype, 'scatterPacketIds').mockImplementation(() => {})
    const scene = await lose()
    const texts = await publish(scene, 3 * OPEN)
    expect(textsOf(scene.sub).slice(OPEN)).toEqual(texts)
    await comeBack(scene)
    const seen = count(textsOf(scene.sub))
    for (const text of texts) expect([text, seen[text]]).toEqual([text, 1])
    for (let i = 0; i < OPEN; i++) expect(seen[`old ${i}`]).toBeGreaterThan(0)
    expect(scene.sites.at('us').coreStats.nowSessionsOwed).toBe(0)
  })

  test('under other ids they stay open, and end when that site is back: each message comes once', async () => {
    const scene = await lose()
    const texts = await publish(scene, 3 * OPEN)
    await comeBack(scene)
    const old = Array.from({ length: OPEN }, (_, i) => `old ${i}`)
    expect(textsOf(scene.sub)).toEqual([...old, ...texts])
    expect(scene.sites.at('us').coreStats.nowSessionsOwed).toBe(0)
  })
})
