/** The options of `npm run drill`. */
import { parseArgs } from 'node:util'

export interface Settings {
  readonly scenarios: readonly string[]
  readonly seed: number
  readonly rounds: number
  /** Devices on the SDK, and on MQTT.js alone. */
  readonly devices: number
  readonly plain: number
  /** Clients that a draining edge has, in all. */
  readonly clients: number
  /** One device publishes once in so many milliseconds, about. */
  readonly everyMs: number
  readonly regions: readonly string[]
  readonly sites: readonly string[]
  /** One way. */
  readonly wanMs: number
  /** Outages take this share of their time. */
  readonly patience: number
  readonly namespaces: boolean | undefined
  /** Where the results go besides. */
  readonly json: string | undefined
  /** They also go where the README's table is made of. */
  readonly publish: boolean
}

export const USAGE = `npm run drill -- SCENARIO… [options]
  SCENARIO    region-loss, site-loss, partition, redis-loss, rolling-upgrade, drain, takeover, steady
  --seed      of the first round (each further one has the next): chooses regions, variants, moments and messages; printed
  --rounds    how often each scenario is played (default 1; takeover: moves, steady: blocks, by 20)
  --devices   devices on the SDK (default 200)
  --plain     devices on MQTT.js with a list of servers (default 200)
  --clients   clients of the edge that drain sends away (default 2000)
  --every-ms  each device publishes once in so long (default 2000)
  --regions   default eu,us,ap; --sites  those with a RocketMQ (default eu,us)
  --wan-ms    delay between regions, one way (default 50)
  --patience  outages take this share of their time (default 1)
  --no-namespaces   relays on the loopback address instead
  --json FILE the results besides; --publish  and to test/drill/results, for the README`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const OPTIONS = {
  ...{ seed: text, rounds: text, devices: text, plain: text, clients: text, 'every-ms': text, 'wan-ms': text },
  ...{ regions: text, sites: text, patience: text, json: text, publish: flag, 'no-namespaces': flag },
}

/** Throws an error that names what is wrong and what is allowed. */
export function parseSettings(args: readonly string[], known: readonly string[]): Settings {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true })
  const number = (name: keyof typeof values, otherwise: number, low: number, high: number): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (value >= low && value <= high) return value
    throw new Error(`Flag --${name} is '${values[name]}' but must be a number from ${low} to ${high}`)
  }
  const unknown = positionals.find(name => !known.includes(name))
  if (unknown !== undefined || positionals.length === 0)
    throw new Error(`Scenario is '${unknown ?? ''}' but must be some of ${known.join(', ')}`)
  const whole = (...of: Parameters<typeof number>): number => Math.floor(number(...of))
  const regions = (values.regions ?? 'eu,us,ap').split(',')
  return {
    scenarios: positionals,
    seed: whole('seed', Date.now() % 1_000_000, 0, 2 ** 31),
    rounds: whole('rounds', 1, 1, 10_000),
    devices: whole('devices', 200, 1, 10_000),
    plain: whole('plain', 200, 0, 10_000),
    clients: whole('clients', 2_000, 1, 20_000),
    everyMs: number('every-ms', 2_000, 10, 600_000),
    regions,
    sites: values.sites?.split(',') ?? regions.slice(0, 2),
    wanMs: number('wan-ms', 50, 0, 10_000),
    patience: number('patience', 1, 0.05, 10),
    namespaces: values['no-namespaces'] === true ? false : undefined,
    json: values.json,
    publish: values.publish ?? false,
  }
}
