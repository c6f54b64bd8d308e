/** The options of `npm run bench`. */
import { parseArgs } from 'node:util'
import { BROKERS, type BrokerName } from './outcome.ts'
import { type BenchScenario, SCENARIOS } from './scenarios.ts'

export interface Settings {
  readonly scenarios: readonly BenchScenario[]
  readonly brokers: readonly BrokerName[]
  /** Measured seconds of each run, and seconds before them. */
  readonly secs: number
  readonly warm: number
  readonly repeat: number
  /** Everything, at full length: the results are kept as the latest. */
  readonly whole: boolean
}

export const USAGE = `npm run bench -- [--only NAME,…] [--brokers NAME,…] [--secs 5] [--repeat 1] [--quick]
  --only     scenarios: ${SCENARIOS.map(s => s.name).join(', ')}
  --brokers  ${BROKERS.join(', ')}
  --secs     measured seconds of each run
  --repeat   rounds; bars judge the median of the rounds' ratios, and their worst loss
  --quick    2 s per run`

const QUICK_SECS = 2

/** Throws an error that names what is wrong and what is allowed. */
export const parseSettings = (args: readonly string[]): Settings => {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { only: text, brokers: text, secs: text, repeat: text, quick: flag, help: flag }
  const { values } = parseArgs({ args: [...args], options, strict: true })
  const scenarios = pick('only', values.only, SCENARIOS, s => s.name)
  const brokers = pick<BrokerName>('brokers', values.brokers, BROKERS, b => b)
  return {
    scenarios,
    brokers: brokers.includes('meridian') ? [...brokers, 'meridian-durable'] : brokers,
    secs: number('secs', values.secs, values.quick ? QUICK_SECS : 5),
    warm: values.quick ? 1 : 2,
    repeat: number('repeat', values.repeat, 1),
    whole: scenarios.length === SCENARIOS.length && brokers.length === BROKERS.length && !values.quick,
  }
}

const number = (flag: string, given: string | undefined, otherwise: number): number => {
  const value = given === undefined ? otherwise : Number(given)
  if (!(value >= 1 && value <= 3600))
    throw new Error(`Flag --${flag} is '${given}' but must be a number from 1 to 3600`)
  return value
}

const pick = <T>(
  flag: string,
  given: string | undefined,
  all: readonly T[],
  nameOf: (t: T) => string,
): readonly T[] => {
  if (given === undefined) return all
  const names = given.split(',')
  const unknown = names.find(name => !all.some(t => nameOf(t) === name))
  if (unknown === undefined) return all.filter(t => names.includes(nameOf(t)))
  throw new Error(`Flag --${flag} names '${unknown}' but must name some of ${all.map(nameOf).join(', ')}`)
}
