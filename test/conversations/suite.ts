/** Registers every row with vitest: one broker per profile, all rows of a profile at once (up to a bound), fresh ids per row. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { type Broker, type Runtime, runningBroker } from '../harness/broker.ts'
import { mosquittoDoes } from './mosquitto.ts'
import type { Target } from './peer.ts'
import { play } from './play.ts'
import { startProfile } from './profiles.ts'
import type { Profile, Row, TransportKind, Version } from './row.ts'
import { ROWS } from './rows.ts'

export interface SuiteOptions {
  readonly transport: TransportKind
  readonly runtime: Runtime
}

/** Rows under way at once against one broker. */
const AT_ONCE = 24
const ROW_MS = 60_000
/** Of the output of a broker that did not live to the end. */
const SHOWN_CHARS = 4000

const NAMES: Readonly<Record<Version, string>> = { 3: '3.1', 4: '3.1.1', 5: '5.0' }

/**
 * `MERIDIAN_TEST_TARGET=host:port[/httpPort]` plays the rows of the default profile against a broker that runs already;
 * `MERIDIAN_TEST_BROKER=mosquitto` plays all rows against Mosquitto, but those it is known to answer otherwise.
 */
export function conversations(options: SuiteOptions): void {
  vi.setConfig({ maxConcurrency: AT_ONCE })
  const external = process.env.MERIDIAN_TEST_TARGET
  const kind = process.env.MERIDIAN_TEST_BROKER === 'mosquitto' ? 'mosquitto' : 'meridian'
  const wanted = (row: Row): boolean =>
    row.transports.includes(options.transport) && (external === undefined || row.profile === 'default')
  const profiles = [...new Set(ROWS.filter(wanted).map(row => row.profile))]
  describe.each(profiles)('%s', profile => {
    const start = () =>
      external === undefined ? startProfile(kind, options.runtime, profile) : Promise.resolve(runningBroker(external))
    const rows = ROWS.filter(row => wanted(row) && row.profile === profile)
    playAll(profile, rows, start, options.transport, kind === 'mosquitto' && external === undefined)
  })
}

function playAll(
  profile: Profile,
  rows: readonly Row[],
  start: () => Promise<Broker>,
  transport: TransportKind,
  mosquitto: boolean,
): void {
  const run = randomBytes(3).toString('hex')
  let broker: Broker | undefined
  let target: Target | undefined
  beforeAll(async () => {
    broker = await start()
    target = { transport, host: broker.host, tcpPort: broker.tcpPort, wsUrl: broker.wsUrl }
  }, ROW_MS)
  afterAll(async () => {
    const ended = broker?.ended()
    await broker?.stop()
    if (ended !== undefined) throw new Error(`The broker ended with ${ended}:\n${broker?.output().slice(-SHOWN_CHARS)}`)
  }, ROW_MS)
  let count = 0
  for (const row of rows) {
    for (const version of row.versions) {
      const token = `${profile.slice(0, 1)}${run}n${++count}`
      const differs = mosquitto && mosquittoDoes(row.name) !== undefined
      const title = `${row.name} (${NAMES[version]})`
      test.concurrent(title, { timeout: ROW_MS, skip: differs }, async () => {
        if (target === undefined) throw new Error(`No broker for profile '${profile}'`)
        await play(row, version, target, { token, lenient: mosquitto })
      })
    }
  }
}
