/** Runs one scenario on one broker, from its start to its end; a failure is an outcome, never an exception. */
import { fileURLToPath } from 'node:url'
import { start } from './brokers.ts'
import { sleep } from './load/clock.ts'
import type { LoadReport } from './load/report.ts'
import type { BrokerName, Outcome } from './outcome.ts'
import { runPinned } from './processes.ts'
import type { BenchScenario } from './scenarios.ts'

const LOAD = fileURLToPath(new URL('./load/main.ts', import.meta.url))
const TOPICS = fileURLToPath(new URL('./micro/topics.ts', import.meta.url))
/** What connecting, filling and waiting for stragglers may take on top of the measured time. */
const SLACK_MS = 120_000
/** A fresh process compiles and settles before it is loaded. */
const SETTLE_MS = 700

export interface Length {
  readonly secs: number
  readonly warm: number
}

export const runScenario = async (scenario: BenchScenario, broker: BrokerName, length: Length): Promise<Outcome> => {
  try {
    const report = scenario.load === 'in process' ? await matchTime() : await onBroker(scenario.load, broker, length)
    return { ok: true, report }
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) }
  }
}

const onBroker = async (load: string, broker: BrokerName, { secs, warm }: Length): Promise<LoadReport> => {
  const running = await start(broker)
  try {
    await sleep(SETTLE_MS)
    const target = ['--addr', `127.0.0.1:${running.port}`, '--pid', String(running.pid)]
    const time = ['--secs', String(secs), '--warm', String(warm)]
    const command = [process.execPath, LOAD, ...target, ...load.split(' '), ...time]
    return JSON.parse(await runPinned(command, (secs + warm) * 1000 + SLACK_MS)) as LoadReport
  } finally {
    await running.stop()
  }
}

/** The micro benchmark prints one line per structure; the line of the filter tree is the one with a bar. */
const matchTime = async (): Promise<LoadReport> => {
  const printed = await runPinned([process.execPath, TOPICS], SLACK_MS)
  const found = /^FilterTree\.match, 100,000 .*: median (\d+) ns, p99 (\d+) ns/m.exec(printed)
  if (found === null) throw new Error('The topic micro benchmark printed no line for FilterTree.match')
  const [, medianNs, p99Ns] = found
  const measures = { match_us: Number(medianNs) / 1000, match_p99_us: Number(p99Ns) / 1000 }
  return { scenario: 'match', qos: 0, v: 0, size: 0, ...measures }
}
