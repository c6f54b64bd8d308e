/** Plays one row against a broker. Throws at the first step that goes otherwise, with the transcript so far. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf } from './frame.ts'
import { type Expected, isCheck, type Memory, same, show } from './match.ts'
import { type Lane, laneOf, type Packet, Peer, type Target } from './peer.ts'
import type { Fields, Row, Step, Version } from './row.ts'

/** A packet that is expected must come within this time. Long, since the machine may be busy: a passing row never waits for it. */
const EXPECT_MS = 8000

interface Stage {
  readonly row: Row
  readonly version: Version
  readonly target: Target
  readonly token: string
  readonly peers: Map<string, Peer>
  readonly memory: Memory
  readonly transcript: string[]
  readonly lenient: boolean
}

export interface PlayOptions {
  /** The row's own: letters and digits, used by no other row on this broker. */
  readonly token: string
  /** A close need not say why: Mosquitto seldom does. */
  readonly lenient?: boolean
}

export async function play(row: Row, version: Version, target: Target, options: PlayOptions): Promise<void> {
  const { token, lenient = false } = options
  const stage: Stage = { row, version, target, token, lenient, peers: new Map(), memory: new Map(), transcript: [] }
  try {
    await perform(row.steps, stage)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${why}\n  ${stage.transcript.join('\n  ')}`)
  } finally {
    for (const peer of stage.peers.values()) peer.drop()
  }
}

async function perform(steps: readonly Step[], stage: Stage): Promise<void> {
  for (const step of steps) {
    if (step.do === 'only') {
      if (step.versions.includes(stage.version)) await perform(step.steps, stage)
    } else await performOne(step, stage)
  }
}

async function performOne(step: Exclude<Step, { do: 'only' }>, stage: Stage): Promise<void> {
  if (step.do === 'wait') return void (await sleep(step.ms))
  switch (step.do) {
    case 'open':
      return void stage.peers.set(step.who, await Peer.open(stage.target, stage.version))
    case 'send':
      return await sendPacket(step.who, filled(step.packet, stage) as Fields, stage)
    case 'raw': {
      const bytes = bytesOf(step.parts, text => fillText(text, stage))
      const shown = bytes.toString('hex')
      stage.transcript.push(`${step.who} > ${shown.length > 120 ? `${shown.slice(0, 120)}…` : shown}`)
      return (await peerOf(step.who, stage)).raw(bytes)
    }
    case 'textFrame':
      return (await peerOf(step.who, stage)).textFrame(step.text)
    case 'drop':
      stage.transcript.push(`${step.who} > (connection dropped)`)
      return existing(step.who, stage).drop()
    case 'expect':
      return step.order === 'kept'
        ? await expectInOrder(step.who, step.packets, stage)
        : await expectInAnyOrder(step.who, step.packets, stage)
    case 'closed':
      return await expectClosed(step, stage)
    case 'silence': {
      const packet = await next(step.who, step.ms, stage)
      if (packet !== undefined) throw new Error(`${step.who} expected silence and got ${show(packet)}`)
      if (existing(step.who, stage).ended) throw new Error(`${step.who} expected silence and was closed`)
    }
  }
}

async function sendPacket(who: string, packet: Fields, stage: Stage): Promise<void> {
  stage.transcript.push(`${who} > ${show(packet)}`)
  if (packet.cmd !== 'connect') return existing(who, stage).send(packet)
  const version = (packet.protocolVersion ?? stage.version) as Version
  const peer = await peerOf(who, stage, version)
  peer.send({ protocolVersion: version, protocolId: version === 3 ? 'MQIsdp' : 'MQTT', ...packet })
}

/** The connection of this name, opened anew if there is none or it has ended. */
async function peerOf(who: string, stage: Stage, version = stage.version): Promise<Peer> {
  const there = stage.peers.get(who)
  if (there !== undefined && !there.ended) return there
  const peer = await Peer.open(stage.target, version)
  stage.peers.set(who, peer)
  return peer
}

function existing(who: string, stage: Stage): Peer {
  const peer = stage.peers.get(who)
  if (peer === undefined) throw new Error(`Connection '${who}' was never opened`)
  return peer
}

async function expectInOrder(who: string, wanted: readonly Expected[], stage: Stage): Promise<void> {
  for (const one of wanted) {
    const packet = await next(who, EXPECT_MS, stage, laneOf(one.cmd))
    if (!same(filled(one, stage), packet, stage.memory))
      throw new Error(mismatch(who, filled(one, stage), packet, stage))
  }
}

async function expectInAnyOrder(who: string, wanted: readonly Expected[], stage: Stage): Promise<void> {
  const left = wanted.map(one => filled(one, stage))
  while (left.length > 0) {
    const packet = await next(who, EXPECT_MS, stage)
    const at = left.findIndex(one => same(one, packet, stage.memory))
    if (packet === undefined || at < 0) throw new Error(mismatch(who, left, packet, stage))
    left.splice(at, 1)
  }
}

function mismatch(who: string, wanted: unknown, packet: Packet | undefined, stage: Stage): string {
  const nothing = existing(who, stage).ended ? 'the connection ended' : 'nothing came'
  return `${who} expected ${show(wanted)}\n  and ${packet === undefined ? nothing : `got ${show(packet)}`}`
}

async function expectClosed(step: Extract<Step, { do: 'closed' }>, stage: Stage): Promise<void> {
  const { who, farewell: cmd, reason, withinMs } = step
  const peer = existing(who, stage)
  if (reason !== undefined && peer.version === 5) {
    const packet = await next(who, withinMs, stage)
    const wanted = { cmd, code: reason }
    if (packet === undefined && peer.ended && stage.lenient) return
    if (!same(stage.lenient ? { cmd } : wanted, packet, stage.memory)) {
      throw new Error(mismatch(who, wanted, packet, stage))
    }
  }
  const packet = await next(who, withinMs, stage)
  if (packet !== undefined) throw new Error(`${who} expected to be closed and got ${show(packet)}`)
  if (!peer.ended) throw new Error(`${who} expected to be closed and was not`)
}

/** The next packet, without the messages of other rows if this row shares its topics with them. */
async function next(who: string, withinMs: number, stage: Stage, lane?: Lane): Promise<Packet | undefined> {
  const peer = existing(who, stage)
  const end = Date.now() + withinMs
  for (;;) {
    const packet = await peer.next(Math.max(0, end - Date.now()), lane)
    const foreign = stage.row.shared && packet?.cmd === 'publish' && !String(packet.topic).includes(stage.token)
    if (!foreign) {
      stage.transcript.push(`${who} < ${packet === undefined ? (peer.ended ? '(closed)' : '(nothing)') : show(packet)}`)
      return packet
    }
    if (packet?.qos === 1) peer.send({ cmd: 'puback', messageId: packet.messageId })
  }
}

const fillText = (text: string, stage: Stage): string => text.replaceAll(/\{(id|t)\}/g, stage.token)

/** Placeholders replaced and, outside expectations, saved values put in. */
function filled(value: unknown, stage: Stage): unknown {
  if (typeof value === 'string') return fillText(value, stage)
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(one => filled(one, stage))
  if (isCheck(value)) {
    if (value.check === 'use') return filled(stage.memory.get(value.name), stage)
    return value.check === 'oneOf' ? { ...value, of: value.of.map(one => filled(one, stage)) } : value
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [fillText(k, stage), filled(v, stage)]))
  }
  return value
}
