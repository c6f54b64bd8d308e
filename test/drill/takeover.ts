/** The scenario `takeover`: live sessions with messages waiting move to another region, one after the other; times CONNACK and the last message. */
import type { Place } from '../chaos/cluster/rig.ts'
import { type Packet, Wire } from '../chaos/cluster/wire.ts'
import { sleep, until } from '../harness/process.ts'
import { placeOf } from './crowd.ts'
import { SESSION_EXPIRY_SEC } from './member.ts'
import type { Measured } from './results.ts'
import { shapeOf, withRegions } from './run.ts'
import type { Settings } from './settings.ts'

const WAITING = 100
/** In flight at the old connection, un-acknowledged; the rest waits behind them. */
const IN_FLIGHT = 10
const MOVES_PER_ROUND = 20
const ANSWER_MS = 30_000
const AFTER_MS = 500

interface Times {
  readonly connackMs: number
  readonly allMs: number
}

/** `connack` and `all`: from before the TCP connection, in the region that it is opened in, to CONNACK and to the last of the messages. */
export async function runTakeover(settings: Settings, step: (text: string) => void): Promise<Measured> {
  const { sites, rounds } = settings
  const findings: string[] = []
  const times: Times[] = []
  await withRegions({ ...shapeOf(settings), onStep: step }, async regions => {
    const places = sites.map(name => placeOf({ region: name, url: regions.regions[name]!.mqtt }))
    const publishers = await Promise.all(places.map((place, i) => Mover.open(place, `filler${i}`)))
    step(`${rounds * MOVES_PER_ROUND} sessions move`)
    for (let i = 0; i < rounds * MOVES_PER_ROUND; i++) {
      const [from, to] = [places[i % places.length]!, places[(i + 1) % places.length]!]
      try {
        times.push(await move(`mover${i}`, from, to, publishers[i % places.length]!, findings))
      } catch (error) {
        findings.push(`mover${i}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    for (const one of publishers) one.wire.drop()
  })
  const [connack, all] = [times.map(one => Math.round(one.connackMs)), times.map(one => Math.round(one.allMs))]
  return {
    scenario: 'takeover',
    timesMs: { connack, all },
    figures: { moves: times.length, messages: WAITING },
    findings,
  }
}

async function move(name: string, from: Place, to: Place, publisher: Mover, findings: string[]): Promise<Times> {
  const topic = `moves/${name}`
  const old = await Mover.open(from, name, { receiveMaximum: IN_FLIGHT, answers: false })
  old.wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1, nl: false, rap: false, rh: 0 }] })
  await until('SUBACK', ANSWER_MS, () => old.subscribed || undefined)
  for (let n = 0; n < WAITING; n++)
    publisher.wire.send({
      cmd: 'publish',
      topic,
      payload: String(n),
      qos: 1,
      messageId: n + 1,
      retain: false,
      dup: false,
    })
  await until('PUBACKs', ANSWER_MS, () => publisher.acknowledged >= WAITING || undefined)
  publisher.acknowledged = 0
  await until('the first messages', ANSWER_MS, () => old.got.length >= IN_FLIGHT || undefined)
  await sleep(AFTER_MS)
  const beginMs = performance.now()
  const fresh = await Mover.open(to, name)
  const connackMs = performance.now() - beginMs
  await until(`${WAITING} messages at ${to.name}`, ANSWER_MS, () => new Set(fresh.got).size >= WAITING || undefined)
  const allMs = fresh.lastMs - beginMs
  await sleep(AFTER_MS)
  if (!fresh.present) findings.push(`${name}: Session Present was 0`)
  if (!old.wire.ended) findings.push(`${name}: its connection at ${from.name} lives on`)
  const firsts = [...new Set(fresh.got)].map(Number)
  if (firsts.some((n, i) => n !== i)) findings.push(`${name}: its messages came as ${firsts.join(' ')}`)
  fresh.wire.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
  fresh.wire.drop()
  return { connackMs, allMs }
}

interface MoverOptions {
  readonly receiveMaximum?: number
  /** False: nothing is acknowledged. */
  readonly answers?: boolean
}

/** A connection with CONNACK; gets and sends QoS 1. */
class Mover {
  readonly wire: Wire
  present = false
  subscribed = false
  acknowledged = 0
  lastMs = 0
  readonly got: string[] = []

  private constructor(wire: Wire) {
    this.wire = wire
  }

  static async open(
    place: Place,
    clientId: string,
    { receiveMaximum, answers = true }: MoverOptions = {},
  ): Promise<Mover> {
    const answer: { connack?: Packet; ended: boolean } = { ended: false }
    let mover: Mover | undefined
    const packet = (one: Packet): void => {
      if (one.cmd === 'connack') answer.connack = one
      else mover?.take(one, answers)
    }
    const wire = await Wire.open(place, 5, { packet, closed: () => (answer.ended = true) })
    mover = new Mover(wire)
    const properties = {
      sessionExpiryInterval: SESSION_EXPIRY_SEC,
      ...(receiveMaximum !== undefined && { receiveMaximum }),
    }
    wire.send({ cmd: 'connect', protocolVersion: 5, clientId, clean: false, keepalive: 0, properties })
    while (answer.connack === undefined && !answer.ended) await sleep(1)
    const { connack } = answer
    if (connack === undefined || Number(connack.reasonCode ?? 0) !== 0)
      throw new Error(`${clientId} was refused at ${place.name}: ${connack?.reasonCode ?? 'closed'}`)
    mover.present = connack.sessionPresent === true
    return mover
  }

  take(packet: Packet, answers: boolean): void {
    if (packet.cmd === 'suback') this.subscribed = true
    else if (packet.cmd === 'puback') this.acknowledged++
    else if (packet.cmd === 'publish') {
      this.got.push(String(packet.payload))
      this.lastMs = performance.now()
      if (answers) this.wire.send({ cmd: 'puback', messageId: packet.messageId })
    }
  }
}
