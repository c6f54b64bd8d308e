/** One round: load, a fault under it, quiet, and the findings. Decides when to wait for what, and how long at most. */
import { sleep, until } from '../../harness/process.ts'
import { missing, type RoundRules, wrong } from '../../history/check.ts'
import { type Missing, missingMessages } from '../../history/check-messages.ts'
import { checkRetained, keptAfter } from '../../history/check-retained.ts'
import { eventsOf, type HistoryEvent } from '../../history/history.ts'
import type { Recorder } from '../../history/recorder.ts'
import { type Recovery, recoveryOf } from '../../history/recovery.ts'
import { type Crowd, KEPT } from './crowd.ts'
import { Mortal, retainedAt } from './mortal.ts'
import type { Fault, Place, Rig } from './rig.ts'

export interface RoundResult {
  readonly round: number
  readonly fault: string
  readonly seconds: number
  readonly acknowledged: number
  readonly delivered: number
  readonly recovery: Recovery
  /** Empty if all is well. */
  readonly findings: readonly string[]
}

/** What lasts from one round to the next. */
export interface Stage {
  readonly rig: Rig
  readonly crowd: Crowd
  readonly recorder: Recorder
  readonly random: () => number
  /** Last retained values. */
  kept: Map<string, string>
  /** What was missing at the end of a round. */
  readonly owed: Map<string, Set<string>>
}

const PUBLISH_EVERY_MS = 40
const FAULT_MS = 180_000
const AGAIN_MS = 60_000
const DRAIN_MS = 60_000
/** A duplicate would come late. */
const QUIET_MS = 800
/** A machine that is busy otherwise gets fewer of them. */
const BOUNCE_MS = 60_000
const MORTALS = 4
const OLD_CONNECTION_MS = 5_000

export async function runRound(stage: Stage, round: number, fault: Fault): Promise<RoundResult> {
  const beginMs = performance.now()
  const { recorder, crowd } = stage
  recorder.begin(
    crowd.devices.flatMap(({ name, line }) => (line === undefined ? [] : [{ is: 'connack', client: name, ...line }])),
  )
  const findings: string[] = []
  const events = recorder.events
  const rules: RoundRules = {
    round,
    subscriptions: crowd.subscriptions,
    watcher: crowd.watcher.name,
    owed: stage.owed,
    ...(fault.name === 'takeover' && { closedWithinMs: OLD_CONNECTION_MS }),
  }
  const attempt = async (what: Promise<unknown>): Promise<void> => {
    await what.catch((error: unknown) => findings.push(error instanceof Error ? error.message : String(error)))
  }
  await attempt(play(stage, round, fault, findings))
  await attempt(
    until('all publishes to be acknowledged', DRAIN_MS, () => (crowd.unacknowledged === 0 ? true : undefined)),
  )
  await until('everything to arrive', DRAIN_MS, async () => {
    await sleep(200)
    return missing(events, rules).length === 0 ? true : undefined
  }).catch(() => {})
  await sleep(QUIET_MS)
  findings.push(...missing(events, rules), ...wrong(events, rules))
  stage.kept = keptAfter(stage.kept, events)
  owe(stage.owed, missingMessages(events, rules.subscriptions))
  for (const place of stage.rig.places) await attempt(judgeRetained(stage, place, `reader${round}`, findings))
  findings.push(...stage.rig.faultsInLogs().map(line => `In a log: ${line}`))
  return {
    round,
    fault: fault.name,
    seconds: (performance.now() - beginMs) / 1000,
    ...count(events),
    recovery: recoveryOf(events),
    findings,
  }
}

function owe(owed: Map<string, Set<string>>, all: readonly Missing[]): void {
  for (const { clients, missing } of all)
    for (const client of clients) owed.set(client, new Set([...(owed.get(client) ?? []), ...missing]))
}

const count = (events: readonly HistoryEvent[]) => ({
  acknowledged: eventsOf(events, 'acknowledged').length,
  delivered: eventsOf(events, 'received').length,
})

async function judgeRetained(stage: Stage, place: Place, client: string, findings: string[]): Promise<void> {
  findings.push(...checkRetained(stage.kept, await retainedAt(place, KEPT, client), place.name))
}

/** From the first message of the round until publishers and subscribers are all back. */
async function play(stage: Stage, round: number, fault: Fault, findings: string[]): Promise<void> {
  const { rig, crowd, random, recorder } = stage
  // After a round that failed something may still be missing.
  await rig.heal()
  const between = (low: number, high: number): number => low + random() * (high - low)
  const load = setInterval(() => crowd.publish(round), PUBLISH_EVERY_MS)
  const mortals: Mortal[] = []
  /** DISCONNECT certainly gets through to a core. */
  let isWell = false
  const beMortal = async (name: string): Promise<void> => {
    const place = rig.places[Math.floor(random() * rig.places.length)]!
    const mortal = new Mortal(`mortal${round}-${name}`, place, recorder.record)
    mortals.push(mortal)
    await mortal.live(-mortals.length)
  }
  try {
    await crowd.roam()
    for (const visitor of crowd.visitors) if (random() < 0.5) await visitor.leave()
    for (let i = 0; i < MORTALS; i++) await beMortal(String(i))
    await mortals[0]?.leave(true)
    await sleep(between(500, 2_000))
    await withFault(stage, fault, beMortal)
    const ended = await rig.heal()
    for (const { name, isCore, log } of ended) {
      if (!(isCore && fault.mayEndCores)) findings.push(`${name} ended by itself: ${log}`)
    }
    await until('publishers to be acknowledged again', AGAIN_MS, () =>
      recoveryOf(recorder.events).publishMs.length >= crowd.publishers.length ? true : undefined,
    )
    isWell = true
    await sleep(between(300, 1_500))
  } finally {
    clearInterval(load)
    for (const device of crowd.devices) device.stay()
    for (const [i, mortal] of mortals.entries()) {
      if (!mortal.isUp) continue
      if (i % 2 === 0) mortal.die()
      else await mortal.leave(isWell)
    }
  }
  await until('all devices to be connected', AGAIN_MS, () =>
    crowd.devices.every(device => device.isUp) ? true : undefined,
  )
}

/** Runs the fault; meanwhile a few more clients with wills come, and some end. */
async function withFault(stage: Stage, fault: Fault, beMortal: (name: string) => Promise<void>): Promise<void> {
  const { rig, crowd, random, recorder } = stage
  let begun = false
  const begins = (): void => {
    if (!begun) recorder.record({ is: 'fault', name: fault.name })
    begun = true
  }
  const elsewhere = (from: string): Place => {
    const others = rig.places.filter(place => place.name !== from)
    return others[Math.floor(random() * others.length)] ?? rig.places[0]!
  }
  const running = fault.run({
    random,
    sleep,
    begins,
    async migrate(from) {
      const there = crowd.devices.filter(device => device.line?.edge === from.name)
      await Promise.all(there.filter((_, i) => i % 2 === 0).map(device => device.attach(elsewhere(from.name))))
    },
    async bounce(times) {
      await crowd.bouncer.pause()
      const end = Date.now() + BOUNCE_MS
      for (let i = 0; i < times && Date.now() < end; i++) await crowd.bouncer.attach(rig.places[i % rig.places.length]!)
      crowd.bouncer.stay()
    },
  })
  const company = (async () => {
    await sleep(300)
    for (const name of ['late0', 'late1']) await beMortal(name)
  })()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Fault ${fault.name} did not end within ${FAULT_MS} ms`)), FAULT_MS)
  })
  try {
    await Promise.race([running, late])
  } finally {
    clearTimeout(timer)
    begins()
  }
  await company
}
