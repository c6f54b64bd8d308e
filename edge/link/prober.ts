/** Asks cores which site they are of and whether they are active, each over a connection of its own that ends with the answer. Owns those connections, one per core; decides nothing. */
import { decodeAnswer, encodeHello, type Hello, type Refused, type Welcome } from '../../core/contract/link/hello.ts'
import { CLOSE_NORMAL, type LinkConnector, type LinkTransport } from '../../core/contract/link/transport.ts'
import type { Seen } from './sites.ts'

export interface ProberOptions {
  readonly connect: LinkConnector
  /** ms since the epoch. */
  readonly now: () => number
  readonly hello: () => Hello
  /** Once for each `ask`, never inside it. */
  readonly heard: (url: string, seen: Seen) => void
}

/** Connection, TLS, question and answer together. */
const PROBE_TIMEOUT_MS = 3_000

interface Question {
  readonly transport: LinkTransport
  readonly since: number
}

export class Prober {
  readonly #o: ProberOptions
  readonly #open = new Map<string, Question>()

  constructor(options: ProberOptions) {
    this.#o = options
  }

  /** Cores that have not answered. */
  get pending(): number {
    return this.#open.size
  }

  /** No effect while it is being asked. */
  ask(url: string): void {
    if (this.#open.has(url)) return
    const { connect, now, hello, heard } = this.#o
    const since = now()
    let saidAt = since
    const answered = (seen: Seen): void => {
      if (this.#open.get(url)?.transport !== transport) return
      this.#open.delete(url)
      transport.close(CLOSE_NORMAL, 'Seen')
      heard(url, seen)
    }
    const transport: LinkTransport = connect(
      url,
      () => {
        saidAt = now()
        transport.send(encodeHello(hello()))
      },
      {
        message: bytes => answered(seenIn(bytes, now() - saidAt)),
        closed: detail => answered({ is: 'silent', detail }),
      },
    )
    this.#open.set(url, { transport, since })
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    for (const [url, { transport, since }] of this.#open) {
      if (now - since <= PROBE_TIMEOUT_MS) continue
      this.#open.delete(url)
      transport.close(CLOSE_NORMAL, 'No answer')
      this.#o.heard(url, { is: 'silent', detail: `No answer in ${PROBE_TIMEOUT_MS} ms` })
    }
  }

  /** Nothing is heard of those that are being asked. */
  close(): void {
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const { transport } of open) transport.close(CLOSE_NORMAL, 'Good-bye')
  }
}

/** What a core says of itself. */
export function seenOf(answer: Welcome | Refused, rttMs: number): Seen {
  if (answer.is === 'welcome') return { is: 'active', site: answer.site, core: answer.core, rttMs: Math.max(0, rttMs) }
  const { why, site, detail } = answer
  return { is: why === 'standby' ? 'standby' : 'unfit', site, detail: `Refused (${why}): ${detail}` }
}

function seenIn(bytes: Uint8Array, rttMs: number): Seen {
  try {
    return seenOf(decodeAnswer(bytes), rttMs)
  } catch (error) {
    return { is: 'unfit', site: '', detail: error instanceof Error ? error.message : String(error) }
  }
}
