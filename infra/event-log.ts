/** Events of edge and core as log lines: the level by what it is, at most so many lines of a kind per second and of one cause every 30 s, the rest counted. */
import type { Logger } from 'pino'
import type { BridgeEvent } from '../core/bridge/stats.ts'
import type { LinkServerEvent } from '../core/link/server/link-server.ts'
import type { CoreEvent } from '../core/stats.ts'
import type { LinkEvent } from '../edge/link/link-life.ts'
import type { TlsEvent } from '../edge/listen/certificates.node.ts'
import type { EdgeEvent } from '../edge/stats.ts'
import { Repeats } from './repeats.ts'

type Event = EdgeEvent | CoreEvent | TlsEvent | LinkServerEvent | LinkEvent | BridgeEvent
type Level = 'debug' | 'info' | 'warn' | 'error'

const LINES_PER_SECOND = 20

const LEVELS: Readonly<Record<Event['is'], Level>> = {
  connected: 'debug',
  disconnected: 'debug',
  'taken-over': 'debug',
  'session-expired': 'debug',
  'will-published': 'debug',
  'session-taken': 'info',
  dropped: 'info',
  refused: 'info',
  malformed: 'info',
  'handshake-failed': 'info',
  'certificates-reloaded': 'info',
  recovered: 'info',
  'site-dead': 'error',
  'site-back': 'warn',
  'inbox-dropped': 'warn',
  'retained-refused': 'warn',
  'certificates-refused': 'warn',
  failed: 'error',
  'commit-failed': 'error',
  'commit-recovered': 'warn',
  linked: 'info',
  'link-down': 'warn',
  'link-failed': 'warn',
  'core-lost': 'warn',
  'core-seen': 'info',
  'core-unfit': 'warn',
  'site-missing': 'warn',
  'site-move': 'warn',
  'edge-linked': 'info',
  'edge-unlinked': 'warn',
  'edge-lost': 'warn',
  'edge-left': 'info',
  'edge-refused': 'info',
  'bridge-dead-lettered': 'warn',
  'bridge-lost': 'error',
  'bridge-refused': 'warn',
  'bridge-failing': 'error',
  'bridge-recovered': 'info',
}

/** What is tried again until it succeeds: the cause that two lines have in common. */
function causeOf(event: Event): string | undefined {
  switch (event.is) {
    case 'link-failed':
      return `link-failed ${event.url} ${event.detail}`
    case 'core-unfit':
      return `core-unfit ${event.url} ${event.detail}`
    case 'edge-refused':
      return `edge-refused ${event.detail}`
    case 'commit-failed':
      return 'commit-failed'
    default:
      return undefined
  }
}

/** With these the other one is over. */
const ENDS: Readonly<Partial<Record<Event['is'], Event['is']>>> = {
  linked: 'link-failed',
  'commit-recovered': 'commit-failed',
}

export class EventLog {
  readonly #log: Logger
  readonly #repeats = new Repeats()
  readonly #lines = new Map<Event['is'], number>()

  constructor(log: Logger) {
    this.#log = log
  }

  readonly write = (event: Event): void => {
    const level = LEVELS[event.is]
    if (!this.#log.isLevelEnabled(level)) return
    const ends = ENDS[event.is]
    if (ends !== undefined) this.#repeats.over(ends)
    const cause = causeOf(event)
    const leftOut = cause === undefined ? 0 : this.#repeats.take(cause)
    if (leftOut === undefined) return
    const lines = (this.#lines.get(event.is) ?? 0) + 1
    this.#lines.set(event.is, lines)
    if (lines <= LINES_PER_SECOND) this.#log[level](leftOut > 0 ? { ...event, leftOut } : event, event.is)
  }

  /** Call once a second: says what was left out, and starts anew. */
  everySecond(): void {
    for (const [is, lines] of this.#lines)
      if (lines > LINES_PER_SECOND) this.#log[LEVELS[is]]({ is, leftOut: lines - LINES_PER_SECOND }, 'More of the same')
    this.#lines.clear()
    this.#repeats.ceased()
  }
}
