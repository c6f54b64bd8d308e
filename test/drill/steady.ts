/** The scenario `steady`: what a publish in the first region costs with one region, and with several. They run side by side and are measured in turns. */

import type { Regions } from '../../infra/local/regions/start.ts'
import { type Packet, Wire } from '../chaos/cluster/wire.ts'
import { sleep, until } from '../harness/process.ts'
import { quantile } from '../history/words.ts'
import { placeOf } from './crowd.ts'
import { type Measured, STEADY } from './results.ts'
import { shapeOf, withRegions } from './run.ts'
import type { Settings } from './settings.ts'

const BLOCKS_PER_ROUND = 20
const PER_BLOCK = 200
/** A hundred a second: far from what limits. */
const EVERY_MS = 10
const WARM = 300
const ANSWER_MS = 20_000

/** From PUBLISH to PUBACK, by `STEADY`. All regions share the processors of this machine, so what others do with a message is felt more than it would be elsewhere. */
export async function runSteady(settings: Settings, step: (text: string) => void): Promise<Measured> {
  const first = settings.sites[0]!
  const common = { ...shapeOf(settings), onStep: step }
  const timesMs = { [STEADY.alone]: [], [STEADY.beside]: [], [STEADY.listening]: [] } satisfies Record<string, number[]>
  await withRegions({ ...common, regions: [first], sites: [first] }, alone =>
    withRegions(common, async regions => {
      const talks = [
        [await Talk.open(alone, first, 'near', [first]), timesMs[STEADY.alone]],
        [await Talk.open(regions, first, 'near', [first]), timesMs[STEADY.beside]],
        [await Talk.open(regions, first, 'far', Object.keys(regions.regions)), timesMs[STEADY.listening]],
      ] as const
      for (const [talk] of talks) await talk.publish(WARM)
      step('Publishing in turns')
      for (let block = 0; block < settings.rounds * BLOCKS_PER_ROUND; block++)
        // Not always the same one first.
        for (let i = 0; i < talks.length; i++) {
          const [talk, times] = talks[(block + i) % talks.length]!
          await talk.publish(PER_BLOCK, times)
        }
      for (const [talk] of talks) talk.end()
    }),
  )
  const figures = Object.fromEntries(
    Object.entries(timesMs).map(([name, times]) => [`p50, ${name}, µs`, (quantile(times, 0.5) ?? 0) * 1_000]),
  )
  return { scenario: 'steady', timesMs, figures, findings: [] }
}

/** A publisher in the first region, and a subscriber in some. */
class Talk {
  readonly #publisher: Wire
  readonly #topic: string
  readonly #subscribers: readonly Wire[]
  readonly #sentAt = new Map<number, number>()
  #times: number[] = []
  #packetId = 0

  private constructor(publisher: Wire, topic: string, subscribers: readonly Wire[]) {
    this.#publisher = publisher
    this.#topic = topic
    this.#subscribers = subscribers
  }

  static async open(regions: Regions, first: string, topic: string, listeners: readonly string[]): Promise<Talk> {
    const subscribers: Wire[] = []
    for (const name of listeners) {
      const { mqtt } = regions.regions[name]!
      let subscribed = false
      const packet = (one: Packet): void => {
        if (one.cmd === 'suback') subscribed = true
        if (one.cmd === 'publish') wire.send({ cmd: 'puback', messageId: one.messageId })
      }
      const wire = await open(placeOf({ region: name, url: mqtt }), `${topic}-listener-${name}`, packet)
      const subscriptions = [{ topic, qos: 1, nl: false, rap: false, rh: 0 }]
      wire.send({ cmd: 'subscribe', messageId: 1, subscriptions })
      await until(`a SUBACK in ${name}`, ANSWER_MS, () => subscribed || undefined)
      subscribers.push(wire)
    }
    let talk: Talk | undefined
    const place = placeOf({ region: first, url: regions.regions[first]!.mqtt })
    talk = new Talk(await open(place, `${topic}-talker`, packet => talk?.take(packet)), topic, subscribers)
    return talk
  }

  take({ cmd, messageId }: Packet): void {
    const at = this.#sentAt.get(Number(messageId))
    if (cmd !== 'puback' || at === undefined) return
    this.#times.push(Math.round((performance.now() - at) * 1_000) / 1_000)
    this.#sentAt.delete(Number(messageId))
  }

  async publish(count: number, times: number[] = []): Promise<void> {
    this.#times = times
    for (let i = 0; i < count; i++) {
      this.#packetId = (this.#packetId % 65_535) + 1
      this.#sentAt.set(this.#packetId, performance.now())
      const message = { topic: this.#topic, payload: 'x'.repeat(64), qos: 1, retain: false, dup: false }
      this.#publisher.send({ cmd: 'publish', messageId: this.#packetId, ...message })
      await sleep(EVERY_MS)
    }
    await until('PUBACKs', ANSWER_MS, () => this.#sentAt.size === 0 || undefined)
  }

  end(): void {
    for (const one of [this.#publisher, ...this.#subscribers]) one.drop()
  }
}

async function open(
  place: Parameters<typeof Wire.open>[0],
  clientId: string,
  packet: (one: Packet) => void,
): Promise<Wire> {
  let isIn = false
  const first = (one: Packet): void => {
    if (one.cmd === 'connack' && Number(one.reasonCode ?? 0) === 0) isIn = true
    else packet(one)
  }
  const wire = await Wire.open(place, 5, { packet: first, closed: () => {} })
  wire.send({ cmd: 'connect', protocolVersion: 5, clientId, clean: true, keepalive: 0 })
  await until(`the CONNACK of ${clientId}`, ANSWER_MS, () => isIn || undefined)
  return wire
}
