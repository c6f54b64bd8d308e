/** One round: load, a fault under it, quiet, and the findings. Decides when to wait for what, and how long at most. */
import type { RegionsStatus } from '../../infra/local/regions/start.ts'
import { Mortal, retainedAt } from '../chaos/cluster/mortal.ts'
import { seeded } from '../chaos/random.ts'
import { sleep, until } from '../harness/process.ts'
import { missing, type RoundRules, wrong } from '../history/check.ts'
import { type Missing, missingMessages, type Order } from '../history/check-messages.ts'
import { checkOwners } from '../history/check-owners.ts'
import { checkRetained, keptAfter } from '../history/check-retained.ts'
import { lostWills, wrongWills } from '../history/check-wills.ts'
import { eventsOf } from '../history/history.ts'
import type { Recorder } from '../history/recorder.ts'
import { type Recovery, recoveryOf } from '../history/recovery.ts'
import { type Tallies, tally } from '../history/tally.ts'
import { listed } from '../history/words.ts'
import { type Crowd, KEPT, placeOf } from './crowd.ts'
import type { Kind } from './member.ts'
import { type Scenario, type Scene, type Turn, variantOf } from './scenario.ts'

export interface RoundResult {
  readonly scenario: string
  /** Which of the scenario's variants was played, if it has any. */
  readonly variant?: string
  /** `--seed` that plays it alone. */
  readonly seed: number
  readonly round: number
  readonly seconds: number
  /** Of the devices that were connected where the fault happened. */
  readonly recovery: Readonly<Record<Kind, Recovery>>
  readonly tallies: Tallies
  readonly wills: { readonly came: number; readonly lost: number; readonly wrong: number }
  readonly twoOwners: number
  readonly retainedWrong: number
  readonly publishesFailed: number
  readonly figures: Readonly<Record<string, number>>
  /** Empty if all is well. */
  readonly findings: readonly string[]
  /** What the next round cannot begin with; if there is anything, it needs other regions. */
  readonly unfit: readonly string[]
}

/** What lasts from one round to the next. */
export interface Stage extends Pick<Scene, 'regions' | 'settings' | 'sites' | 'step'> {
  readonly crowd: Crowd
  readonly recorder: Recorder
  /** Last retained values. */
  kept: Map<string, string>
  /** What was missing at the end of a round. */
  readonly owed: Map<string, Set<string>>
}

const TICK_MS = 50
const WARM_MS = 3_000
const HOME_MS = 60_000
const READY_MS = 30_000
const UP_MS = 120_000
const AFTER_MS = 3_000
const DRAIN_MS = 120_000
/** A duplicate would come late. */
const QUIET_MS = 2_000
const MORTALS_SHARE = 0.05

/** @param round a number that no other round in these regions has */
export async function runRound(stage: Stage, turn: Turn, round: number): Promise<RoundResult> {
  const beginMs = performance.now()
  const { crowd, recorder, step } = stage
  recorder.begin(
    crowd.all.flatMap(({ name, line }) => (line === undefined ? [] : [{ is: 'connack', client: name, ...line }])),
  )
  for (const { name, will } of crowd.members)
    if (will !== undefined) recorder.record({ is: 'will', client: name, payload: will, delayed: true })
  const play = new Play(stage, turn, round)
  const { findings } = play.scene
  const attempt = async (what: Promise<unknown>): Promise<void> => {
    await what.catch((error: unknown) => findings.push(error instanceof Error ? error.message : String(error)))
  }
  await attempt(play.run())
  step('The load ends')
  // The checks below keep this process busy, and keep-alives may be late.
  const loadEnd = performance.now()
  await attempt(until('all publishes to be acknowledged', DRAIN_MS, () => crowd.unacknowledged === 0 || undefined))
  const events = recorder.events
  const rules = play.rules
  await until('everything to arrive', DRAIN_MS, async () => {
    const fromMs = performance.now()
    const isWhole = missing(events, rules).length === 0
    await sleep(1_000 + 4 * (performance.now() - fromMs))
    return isWhole || undefined
  }).catch(() => {})
  step('Everything has arrived, or will not; devices go home')
  const unfit = await unfitness(stage)
  step(unfit.length === 0 ? 'Everybody is home' : `Not everything is as before: ${listed(unfit)}`)
  await sleep(QUIET_MS)
  findings.push(...missing(events, rules), ...wrong(events, rules))
  stage.kept = keptAfter(stage.kept, events)
  const missed = missingMessages(events, rules.subscriptions)
  if (missed.length > 0) unfit.push('messages are missing')
  owe(stage.owed, missed)
  const retained: string[] = []
  const readers = stage.regions.endpointsFrom().map(async ({ name, mqtt }) => {
    const found = await retainedAt(placeOf({ region: name, url: mqtt }), KEPT, `reader${round}-${name}`)
    retained.push(...checkRetained(stage.kept, found, name))
  })
  await Promise.all(readers.map(attempt))
  findings.push(...retained)
  const recovery = (kind: Kind): Recovery => {
    const underLoad = events.filter(one => one.at <= loadEnd)
    const { publishMs, ownedMs } = recoveryOf(underLoad, name => play.concerned.has(name) && name.startsWith(kind))
    return { publishMs: publishMs.map(Math.round), ownedMs: ownedMs.map(Math.round) }
  }
  const variant = variantOf(turn)
  return {
    scenario: turn.scenario.name,
    ...(variant !== undefined && { variant }),
    ...{ seed: turn.seed, round },
    seconds: (performance.now() - beginMs) / 1_000,
    recovery: { sdk: recovery('sdk'), plain: recovery('plain') },
    tallies: tally(events, rules.subscriptions, round),
    wills: {
      came: eventsOf(events, 'received').filter(one => one.client === rules.watcher).length,
      lost: lostWills(events, rules.watcher, rules).length,
      wrong: wrongWills(events, rules.watcher, rules).length,
    },
    twoOwners: checkOwners(events, rules).length,
    retainedWrong: retained.length,
    publishesFailed: eventsOf(events, 'wrong').filter(one => / failed: /.test(one.what)).length,
    figures: Object.fromEntries(play.scene.figures),
    findings,
    unfit,
  }
}

/** Devices that a fault sent elsewhere come back to their region. What is not as it was before the first round, then. */
async function unfitness({ crowd, regions }: Stage): Promise<string[]> {
  for (const member of crowd.members) member.goHome()
  const away = (): string[] => [
    ...crowd.all.flatMap(one => (one.isUp ? [] : [one.name])),
    ...crowd.members.flatMap(one => (one.line === undefined || one.line.edge === one.home ? [] : [one.name])),
  ]
  await until('everybody to be home', HOME_MS, () => away().length === 0 || undefined).catch(() => {})
  let ill: string[] = []
  await until('everything to run', READY_MS, async () => {
    ill = illnesses(await regions.status())
    return ill.length === 0 || undefined
  }).catch(() => {})
  return [...(away().length > 0 ? [`not in their regions: ${listed(away())}`] : []), ...ill]
}

const illnesses = ({ global, regions }: RegionsStatus): string[] => [
  ...[global, ...regions].flatMap(({ processes }) =>
    processes.flatMap(({ health, logFile }) => (health === 'ready' ? [] : [`${health}: who writes ${logFile}`])),
  ),
  ...regions.flatMap(({ name, cut }) => (cut.length > 0 ? [`${name} is cut off`] : [])),
]

function owe(owed: Map<string, Set<string>>, all: readonly Missing[]): void {
  for (const { clients, missing } of all)
    for (const client of clients) owed.set(client, new Set([...(owed.get(client) ?? []), ...missing]))
}

/** The load, the mortals and the fault of one round. */
class Play {
  readonly scene: Scene
  readonly rules: RoundRules & {
    apartUntil?: number
    order: Order
    readonly maybeDead: Set<string>
  }
  /** Who was connected where the fault began. */
  concerned: ReadonlySet<string> = new Set()
  readonly #scenario: Scenario
  readonly #mortals: Mortal[] = []
  #where: readonly string[] = []

  constructor(stage: Stage, turn: Turn, round: number) {
    const { regions, crowd, settings, sites, step, recorder, owed } = stage
    const { scenario, seed } = turn
    this.#scenario = scenario
    const { closedWithinMs } = scenario
    this.rules = {
      ...{ round, owed, subscriptions: crowd.subscriptions, watcher: crowd.watcher.name },
      ...{ order: { per: 'edge' }, maybeDead: new Set() },
      ...(closedWithinMs !== undefined && { closedWithinMs }),
    }
    this.scene = {
      ...{ regions, crowd, settings, sites, step, round, record: recorder.record },
      ...{ random: seeded(seed), variant: variantOf(turn) ?? '' },
      begins: names => {
        recorder.record({ is: 'fault', name: scenario.name })
        this.#where = names
        this.concerned = crowd.connectedTo(names)
      },
      struck: () => this.#struck(),
      returns: () => {
        this.rules.order = { per: 'edge', lateFrom: performance.now() }
      },
      healed: () => {
        this.rules.apartUntil = performance.now()
      },
      apart: names => {
        for (const one of this.#mortals) if (names.includes(one.place.name)) this.rules.maybeDead.add(one.name)
      },
      acknowledged: inside => {
        const all = eventsOf(recorder.events, 'acknowledged')
        const count = all.filter(one => inside.has(one.client)).length
        return { inside: count, outside: all.length - count }
      },
      figures: new Map(),
      findings: [],
    }
  }

  /** From the first message of the round until everybody is back. */
  async run(): Promise<void> {
    const { crowd, round } = this.scene
    const load = setInterval(() => crowd.publish(round), TICK_MS)
    try {
      await this.#bearMortals()
      await this.#mortals[0]?.leave(true)
      await sleep(WARM_MS)
      await this.#scenario.run(this.scene)
      await until('all devices to be connected', UP_MS, () => crowd.isUp || undefined).catch((error: Error) => {
        throw new Error(`${error.message}: ${listed(crowd.all.flatMap(one => (one.isUp ? [] : [one.name])))} are not`)
      })
      await sleep(AFTER_MS)
    } finally {
      clearInterval(load)
      for (const one of this.#mortals) if (one.isUp) await one.leave(true)
    }
  }

  async #bearMortals(): Promise<void> {
    const { regions, settings, round, record } = this.scene
    const places = regions.endpointsFrom().map(one => placeOf({ region: one.name, url: one.mqtt }))
    const count = Math.ceil(((settings.devices + settings.plain) * MORTALS_SHARE) / places.length)
    for (let i = 0; i < count; i++) {
      for (const place of places) {
        const mortal = new Mortal(`mortal${round}-${place.name}-${i}`, place, record)
        this.#mortals.push(mortal)
        await mortal.live(-round * 100_000 - this.#mortals.length)
      }
    }
  }

  #struck(): void {
    const { crowd, round, record, random } = this.scene
    record({ is: 'struck' })
    crowd.probe(round, this.concerned)
    // Nothing tells those without a library that a silent connection is dead.
    if (this.#scenario.name === 'region-loss') {
      for (const one of crowd.raw) if (this.concerned.has(one.name)) void one.leave().then(() => one.stay())
      for (const one of this.#mortals) if (this.#where.includes(one.place.name)) one.die()
    }
    for (const one of this.#mortals) if (one.isUp && random() < 0.4) one.die()
  }
}
