/** Enhanced authentication as a client sees it: SCRAM-SHA-256 over AUTH, with the client's side computed here by RFC 5802. */
import { spawnSync } from 'node:child_process'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Packet, Peer, type Target } from '../conversations/peer.ts'
import { type Broker, meridianCommand, startMeridian } from '../harness/broker.ts'

const METHOD = 'SCRAM-SHA-256'
const PASSWORD = 'wonderland'
const folder = mkdtempSync(join(tmpdir(), 'meridian-scram-'))
let broker: Broker | undefined
let target: Target

beforeAll(async () => {
  const passwordFile = join(folder, 'passwords')
  const [program = 'node', ...args] = meridianCommand('node')
  const set = spawnSync(program, [...args, 'passwd', passwordFile, 'alice', '--stdin', '--scram'], {
    input: `${PASSWORD}\n`,
    encoding: 'utf8',
  })
  if (set.status !== 0) throw new Error(`Cannot set the password: ${set.stderr}`)
  broker = await startMeridian({ config: { auth: { passwordFile } } })
  target = { transport: 'tcp', host: broker.host, tcpPort: broker.tcpPort, wsUrl: broker.wsUrl }
}, 30_000)

afterAll(async () => {
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

const FIRST_BARE = 'n=alice,r=clientnonce'
const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()

/** client-final-message and the server signature that must come back. */
function answer(serverFirst: string, password: string): { final: string; signature: string } {
  const field = (name: string) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(serverFirst)?.[1] ?? ''
  const salted = pbkdf2Sync(password, Buffer.from(field('s'), 'base64'), Number(field('i')), 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const storedKey = createHash('sha256').update(clientKey).digest()
  const withoutProof = `c=biws,r=${field('r')}`
  const signed = `${FIRST_BARE},${serverFirst},${withoutProof}`
  const signature = hmac(storedKey, signed)
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))).toString('base64')
  return {
    final: `${withoutProof},p=${proof}`,
    signature: hmac(hmac(salted, 'Server Key'), signed).toString('base64'),
  }
}

const properties = (packet: Packet | undefined): Packet => {
  const value: unknown = packet?.properties
  return typeof value === 'object' && value !== null ? (value as Packet) : {}
}
const data = (packet: Packet | undefined): string => String(properties(packet).authenticationData ?? '')
const auth = (reasonCode: number, text: string) => ({
  cmd: 'auth',
  reasonCode,
  properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(text) },
})

async function begin(clientId: string): Promise<{ peer: Peer; serverFirst: string }> {
  const peer = await Peer.open(target, 5)
  peer.send({
    cmd: 'connect',
    protocolVersion: 5,
    clientId,
    clean: true,
    keepalive: 0,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(`n,,${FIRST_BARE}`) },
  })
  const packet = await peer.next(8000)
  expect(packet).toMatchObject({ cmd: 'auth', reasonCode: 0x18 })
  expect(properties(packet).authenticationMethod).toBe(METHOD)
  return { peer, serverFirst: data(packet) }
}

async function connected(clientId: string): Promise<Peer> {
  const { peer, serverFirst } = await begin(clientId)
  const { final, signature } = answer(serverFirst, PASSWORD)
  peer.send(auth(0x18, final))
  const connack = await peer.next(8000)
  expect(connack).toMatchObject({ cmd: 'connack', reasonCode: 0 })
  expect(properties(connack).authenticationMethod).toBe(METHOD)
  expect(data(connack)).toBe(`v=${signature}`)
  return peer
}

describe('SCRAM-SHA-256', () => {
  test('AUTH 0x18 asks for more, CONNACK carries the method and the server proof [MQTT-4.12.0-2] [MQTT-4.12.0-5]', async () => {
    const peer = await connected('scram-ok')
    peer.send({ cmd: 'pingreq' })
    expect(await peer.next(8000)).toMatchObject({ cmd: 'pingresp' })
    peer.drop()
  })

  test('a wrong proof is refused with CONNACK and a close [MQTT-4.12.0-4]', async () => {
    const { peer, serverFirst } = await begin('scram-wrong')
    peer.send(auth(0x18, answer(serverFirst, 'looking-glass').final))
    const connack = await peer.next(8000)
    expect(connack?.cmd).toBe('connack')
    expect([0x86, 0x87]).toContain(connack?.reasonCode)
    expect(await peer.next(8000)).toBeUndefined()
    expect(peer.ended).toBe(true)
  })

  test('a packet that is neither AUTH nor DISCONNECT ends the exchange [MQTT-3.1.2-30]', async () => {
    const { peer } = await begin('scram-impatient')
    peer.send({ cmd: 'pingreq' })
    const packet = await peer.next(8000)
    expect(packet === undefined || (packet.cmd === 'connack' && Number(packet.reasonCode) >= 0x80)).toBe(true)
    expect(await peer.next(8000)).toBeUndefined()
    expect(peer.ended).toBe(true)
  })

  test('re-authentication succeeds with AUTH 0x00 while the connection goes on [MQTT-4.12.0-5]', async () => {
    const peer = await connected('scram-again')
    peer.send(auth(0x19, `n,,${FIRST_BARE}`))
    const challenge = await peer.next(8000)
    expect(challenge).toMatchObject({ cmd: 'auth', reasonCode: 0x18 })
    peer.send({ cmd: 'pingreq' })
    expect(await peer.next(8000)).toMatchObject({ cmd: 'pingresp' })
    const { final, signature } = answer(data(challenge), PASSWORD)
    peer.send(auth(0x18, final))
    const done = await peer.next(8000)
    expect(done).toMatchObject({ cmd: 'auth', reasonCode: 0 })
    expect(data(done)).toBe(`v=${signature}`)
    peer.drop()
  })

  test('a failed re-authentication closes with DISCONNECT [MQTT-4.12.1-2]', async () => {
    const peer = await connected('scram-again-wrong')
    peer.send(auth(0x19, `n,,${FIRST_BARE}`))
    const challenge = await peer.next(8000)
    peer.send(auth(0x18, answer(data(challenge), 'looking-glass').final))
    const last = await peer.next(8000)
    expect(last?.cmd).toBe('disconnect')
    expect(await peer.next(8000)).toBeUndefined()
    expect(peer.ended).toBe(true)
  })

  test('re-authentication with another method is refused [MQTT-4.12.1-1]', async () => {
    const peer = await connected('scram-other')
    peer.send({ cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: 'OTHER' } })
    const last = await peer.next(8000)
    expect(last?.cmd).toBe('disconnect')
    expect([0x82, 0x8c]).toContain(last?.reasonCode)
  })
})
