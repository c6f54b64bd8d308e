/**
 * Compares this generator with another one, the Go program `mqttload`, on the same broker: delivered rate and CPU per
 * delivery must agree within 15 %. `node test/bench/crosscheck.ts PATH-OF-MQTTLOAD [broker] [rounds]`, or MQTTLOAD=PATH.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { start } from './brokers.ts'
import { sleep } from './load/clock.ts'
import type { LoadReport, Measure } from './load/report.ts'
import { BROKERS, type BrokerName, median } from './outcome.ts'
import { runPinned } from './processes.ts'
import { SCENARIOS } from './scenarios.ts'
import { plain, QUIET_CORES } from './table.ts'

const TOLERANCE = 0.15
const COMPARED: readonly Measure[] = ['delivered_per_s', 'cpu_us_per_delivery']
/** Loads that every broker carries without queueing: beyond that the two would measure the broker's collapse. */
const NAMES = ['fanout-50k-q0', 'p2p-20k-q1', 'p2p-40k-q0', 'fanin-40k-q1', 'share-20k-q1', 'p2p-5k-q2']
const LENGTH = '--secs 4 --warm 1'
const DEFAULT_ROUNDS = 3
/** Disturbed rounds are repeated, up to this many times as many rounds as asked for. */
const MOST_TRIES = 3
const TIMEOUT_MS = 60_000

const OURS = [process.execPath, fileURLToPath(new URL('./load/main.ts', import.meta.url))]

type Pair = readonly [ours: LoadReport, theirs: LoadReport]

/** Both generators on one broker process, ours first in every other round. */
const pairOn = async (broker: BrokerName, load: string, theirs: string, oursFirst: boolean): Promise<Pair> => {
  const running = await start(broker)
  const run = async (command: readonly string[]): Promise<LoadReport> => {
    const target = `--addr 127.0.0.1:${running.port} --pid ${running.pid} ${load} ${LENGTH}`.split(' ')
    const printed = await runPinned([...command, ...target], TIMEOUT_MS)
    await sleep(500)
    return JSON.parse(printed) as LoadReport
  }
  try {
    await sleep(500)
    if (oursFirst) return [await run(OURS), await run([theirs])]
    const other = await run([theirs])
    return [await run(OURS), other]
  } finally {
    await running.stop()
  }
}

const isQuiet = ([ours]: Pair): boolean => (ours.other_cores ?? 0) <= QUIET_CORES

/** Prints one line per measure; true if all agree. Rounds that other programs disturbed count only if there are no quiet ones. */
const compare = (name: string, all: readonly Pair[]): boolean => {
  const quiet = all.filter(isQuiet)
  const pairs = quiet.length > 0 ? quiet : all
  if (quiet.length === 0) console.log(`      ${name}: other programs disturbed every round`)
  let agree = true
  for (const measure of COMPARED) {
    const [ours, theirs] = [0, 1].map(side => median(pairs.map(pair => pair[side as 0 | 1][measure] ?? Number.NaN))!)
    const apart = median(pairs.map(([a, b]) => (a[measure] ?? Number.NaN) / (b[measure] ?? Number.NaN)))! - 1
    const ok = Math.abs(apart) <= TOLERANCE
    agree &&= ok
    const percent = `${apart < 0 ? '' : '+'}${(apart * 100).toFixed(1)} %`
    console.log(
      `${ok ? 'PASS' : 'FAIL'}  ${name.padEnd(16)}${measure.padEnd(22)}ours ${plain(ours!).padStart(8)}  mqttload ${plain(theirs!).padStart(8)}  ${percent}`,
    )
  }
  return agree
}

const crossCheck = async (theirs: string, broker: BrokerName, rounds: number): Promise<boolean> => {
  let agree = true
  for (const { name, load } of SCENARIOS.filter(s => NAMES.includes(s.name))) {
    const pairs: Pair[] = []
    const flags = load.includes('--subs') ? load : `${load} --subs 1000`
    for (let i = 0; i < rounds * MOST_TRIES && pairs.filter(isQuiet).length < rounds; i++) {
      pairs.push(await pairOn(broker, flags, theirs, i % 2 === 0))
    }
    agree = compare(name, pairs) && agree
  }
  return agree
}

const path = process.argv[2] ?? process.env.MQTTLOAD
const broker = BROKERS.find(name => name === (process.argv[3] ?? 'mosquitto'))
if (path === undefined || !existsSync(path)) {
  console.log(`Skipped: no mqttload at '${path ?? ''}'; give its path as argument or as MQTTLOAD`)
} else if (broker === undefined) {
  console.error(`Broker '${process.argv[3]}' must be one of ${BROKERS.join(', ')}`)
  process.exitCode = 2
} else {
  process.exitCode = (await crossCheck(path, broker, Number(process.argv[4] ?? DEFAULT_ROUNDS))) ? 0 : 1
}
