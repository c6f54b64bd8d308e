/** A whole run: starts the rig, plays the rounds, keeps what a finding needs to be understood, ends everything. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../harness/process.ts'
import { Recorder } from '../../history/recorder.ts'
import { seeded } from '../random.ts'
import { startCluster } from './cluster.ts'
import { Crowd } from './crowd.ts'
import type { Fault, Rig } from './rig.ts'
import { type RoundResult, runRound, type Stage } from './round.ts'
import type { Settings } from './settings.ts'
import { startStandalone } from './standalone.ts'

export interface RunEvents {
  step(text: string): void
  round(result: RoundResult): void
}

const FIRST_MS = 60_000

/** @param evidence where logs and history of a round with findings go. @throws Error if the rig does not start or a fault is not known. */
export async function runChaos(settings: Settings, evidence: string, events: RunEvents): Promise<RoundResult[]> {
  const { seed, target, edges, patience } = settings
  const folder = mkdtempSync(join(tmpdir(), 'meridian-chaos-'))
  let rig: Rig | undefined
  try {
    rig =
      target === 'standalone'
        ? await startStandalone(folder)
        : await startCluster({
            folder,
            stores: target === 'cluster' ? 'servers' : target,
            edges,
            patience,
            onStep: events.step,
          })
    const recorder = new Recorder()
    const crowd = new Crowd(seed, rig.places, recorder.record)
    const stage: Stage = { rig, crowd, recorder, random: seeded(seed), kept: new Map(), owed: new Map() }
    for (const device of crowd.devices) device.stay()
    await until('all devices to be connected', FIRST_MS, () =>
      crowd.devices.every(device => device.isUp) ? true : undefined,
    )
    const results: RoundResult[] = []
    const faults = chosen(rig.faults, settings, stage.random)
    for (let round = 1; round <= settings.rounds; round++) {
      const result = await runRound(stage, round, faults.next().value)
      if (result.findings.length > 0) keep(join(evidence, `seed${seed}-round${round}`), stage, result)
      results.push(result)
      events.round(result)
    }
    await Promise.all(crowd.devices.map(device => device.leave()))
    return results
  } finally {
    await rig?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Every fault once in a random order, then all of them again in another one. */
function* chosen(all: readonly Fault[], settings: Settings, random: () => number): Generator<Fault, never> {
  const unknown = settings.faults?.find(name => !all.some(fault => fault.name === name))
  if (unknown !== undefined) {
    throw new Error(`Flag --fault names '${unknown}' but must name some of ${all.map(fault => fault.name).join(', ')}`)
  }
  const wanted = all.filter(fault => settings.faults?.includes(fault.name) ?? true)
  for (;;) {
    const left = [...wanted]
    while (left.length > 0) yield left.splice(Math.floor(random() * left.length), 1)[0]!
  }
}

function keep(to: string, { rig, recorder }: Stage, result: RoundResult): void {
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, 'findings.txt'), `${result.fault}\n${result.findings.join('\n')}\n`)
  writeFileSync(join(to, 'history.jsonl'), recorder.events.map(event => `${JSON.stringify(event)}\n`).join(''))
  const isLog = (path: string): boolean => !/\/(?:store|data|appendonlydir|older)(?:\/|$)/.test(path)
  cpSync(rig.folder, join(to, 'logs'), { recursive: true, filter: isLog })
}
