/** Clients that an edge of one site sends away and that come back at another: their wills are not published, whatever their sessions were. */
import { afterEach, expect, test } from 'vitest'
import { Client } from './client.ts'
import { Sites } from './sites.ts'

let sites: Sites
afterEach(() => sites.close())

/** Everybody answers until nothing moves. */
async function rest(...clients: Client[]): Promise<void> {
  for (let quiet = 0, round = 0; quiet < 8; round++) {
    if (round > 300) throw new Error('The clients do not come to rest')
    sites.settle()
    let moved = 0
    for (const one of clients) moved += one.work()
    quiet = moved === 0 ? quiet + 1 : 0
    await new Promise(done => setImmediate(done))
    sites.pass(250)
  }
}

/** A client whose next connection goes to `at.name`. */
function client(id: string, at: { name: string }): Client {
  const gateway = {
    open: () => sites.at(at.name).open(),
    feed: (pipe, bytes) => sites.at(at.name).feed(pipe, bytes),
    settle: () => sites.settle(),
  } as ConstructorParameters<typeof Client>[0]
  return new Client(gateway, id)
}

const will = { topic: 'will', payload: 'lost', qos: 1, retain: false }

async function drained(expirySec: number) {
  sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true })
  await rest()
  const at = { name: 'eu' }
  const watcher = client('watcher', { name: 'us' })
  watcher.connect()
  await rest(watcher)
  watcher.subscribe('will', 1)
  await rest(watcher)
  const one = client('one', at)
  one.connect({ clean: true, expirySec, will })
  await rest(one, watcher)
  const { edge } = sites.at('eu').edges[0]!
  edge.sendAway(() => ({ reason: 0x9c, serverReference: undefined }))
  edge.dismiss(1)
  edge.sendAway(undefined)
  one.drop()
  at.name = 'us'
  await rest(watcher)
  return { one, watcher }
}

async function seconds(n: number, ...clients: Client[]): Promise<void> {
  for (let i = 0; i < n; i += 5) {
    sites.pass(5_000)
    await rest(...clients)
  }
}

test.each([0, 3600])(
  'who comes back there, and says goodbye in time, has no will published (expiry %i s)',
  async expirySec => {
    const { one, watcher } = await drained(expirySec)
    one.connect({ clean: expirySec === 0, expirySec })
    await rest(one, watcher)
    expect(one.sessionPresent).toBe(expirySec > 0)
    one.disconnect(0)
    await seconds(60, watcher)
    expect(watcher.seen).toEqual([])
  },
)

test.each([0, 3600])('who stays there neither (expiry %i s)', async expirySec => {
  const { one, watcher } = await drained(expirySec)
  one.connect({ clean: expirySec === 0, expirySec, will: { ...will, payload: 'new' } })
  await rest(one, watcher)
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
