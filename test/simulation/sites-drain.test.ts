/** Clients that an edge of one site sends away and that come back at another: their wills are not published, whatever their sessions were. */
import { afterEach, expect, test } from 'vitest'
import type { Client } from './client.ts'
import { Roamer, rest } from './roamer.ts'
import { Sites } from './sites.ts'

let sites: Sites
afterEach(() => sites.close())

const will = { topic: 'will', payload: 'lost', qos: 1, retain: false }

async function drained(expirySec: number) {
  sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true })
  await rest(sites)
  const watcher = new Roamer(sites, 'watcher', 'us')
  watcher.connect()
  await rest(sites, watcher)
  watcher.subscribe('will', 1)
  const one = new Roamer(sites, 'one', 'eu')
  one.connect({ clean: true, expirySec, will })
  await rest(sites, one, watcher)
  const { edge } = sites.at('eu').edges[0]!
  edge.sendAway(() => ({ reason: 0x9c, serverReference: undefined }))
  edge.dismiss(1)
  edge.sendAway(undefined)
  one.drop()
  one.at = 'us'
  await rest(sites, watcher)
  return { one, watcher }
}

async function seconds(n: number, ...clients: Client[]): Promise<void> {
  for (let i = 0; i < n; i += 5) {
    sites.pass(5_000)
    await rest(sites, ...clients)
  }
}

test.each([0, 3600])(
  'who comes back there, and says goodbye in time, has no will published (expiry %i s)',
  async expirySec => {
    const { one, watcher } = await drained(expirySec)
    one.connect({ clean: expirySec === 0, expirySec })
    await rest(sites, one, watcher)
    expect(one.sessionPresent).toBe(expirySec > 0)
    one.disconnect(0)
    await seconds(60, watcher)
    expect(watcher.seen).toEqual([])
  },
)

test.each([0, 3600])('who stays there neither (expiry %i s)', async expirySec => {
  const { one, watcher } = await drained(expirySec)
  one.connect({ clean: expirySec === 0, expirySec, will: { ...will, payload: 'new' } })
  await rest(sites, one, watcher)
  await seconds(60, one, watcher)
  expect(watcher.seen).toEqual([])
  expect(one.connected).toBe(true)
  one.drop()
  await seconds(10, watcher)
  expect(watcher.seen.map(({ text }) => text)).toEqual(['new'])
})

test.each([0, 3600])('who does not come back has it published once (expiry %i s)', async expirySec => {
  const { watcher } = await drained(expirySec)
  await seconds(15, watcher)
  expect(watcher.seen).toEqual([])
  await seconds(60, watcher)
  expect(watcher.seen.map(({ text }) => text)).toEqual(['lost'])
})
