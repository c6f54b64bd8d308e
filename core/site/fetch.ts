/**
 * Reads all that another site has of a session which has been claimed there, and notes what of it that site still sends here
 * for others: in memory, and in the log until nothing waits there any more. Keeps nothing of the session itself.
 */
import { type ClientKey, tenantOf } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import { type Message, messageKey } from '../contract/message.ts'
import type { SessionState } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Envelope } from '../log/watermark.ts'
import { filtersOf } from './copies.ts'
import type { Had } from './had.ts'
import type { Peer } from './peer.ts'
import type { SiteName } from './port.ts'

export interface FetchOptions {
  /** Our own. */
  readonly site: SiteName
  readonly had: Had
  readonly turn: Pick<Turn, 'call' | 'close' | 'had' | 'hold'>
  readonly limits: Pick<Limits, 'watermarkHoldMs'>
  readonly now: () => number
}

/** In the log until that site has sent what waited there, or `until`. ms since the epoch. */
interface Noted {
  readonly peer: Peer
  readonly envelope: Envelope | undefined
  readonly until: number
}

export class Fetch {
  readonly #o: FetchOptions
  #noted: Noted[] = []

  constructor(options: FetchOptions) {
    this.#o = options
  }

  /**
   * `done` with what waits there for this site, and is for this client too: it went there to this client, and is not for it when it
   * comes from there. At once with nothing if it comes by itself, or not `lived`: it has come there just now, perhaps without what waited for us.
   */
  seek(
    peer: Peer,
    client: ClientKey,
    state: SessionState,
    lived: boolean,
    done: (found: readonly Message[] | undefined) => void,
  ): void {
    const { site, had, turn } = this.#o
    if (peer.live || !lived) return done(undefined)
    peer.sift(tenantOf(client), site, filtersOf(state.subscriptions), (found = []) =>
      turn.call(() => {
        for (const message of found) had.add(messageKey(message), client)
        done(found)
      }),
    )
  }

  /** `done` in its turn, with what waits there for the session, in order: it stays there. Undefined: the site does not answer. `found`: by `seek`, before: what has come since is in both. */
  all(
    peer: Peer,
    client: ClientKey,
    epoch: number,
    found: readonly Message[] | undefined,
    done: (messages: readonly Message[] | undefined) => void,
  ): void {
    peer.drainAll(client, epoch, messages =>
      this.#o.turn.call(() => {
        // What comes by itself may have begun to wait since.
        if (messages !== undefined && (found !== undefined || !peer.live))
          this.note(peer, client, [...(found ?? []), ...messages])
        done(messages)
      }),
    )
  }

  /** A few times a second. */
  tick(): void {
    if (this.#noted.length === 0) return
    const now = this.#o.now()
    const noted: Noted[] = []
    for (const one of this.#noted)
      if (one.until > now && !one.peer.live) noted.push(one)
      else this.#o.turn.close(one.envelope)
    this.#noted = noted
  }

  /** The client has these: they are not for it when they come from that site. */
  note(peer: Peer, client: ClientKey, messages: readonly Message[]): void {
    if (messages.length === 0) return
    const { had, turn, limits, now } = this.#o
    for (const message of messages) {
      had.add(messageKey(message), client)
      turn.had(client, message)
    }
    this.#noted.push({ peer, envelope: turn.hold(), until: now() + limits.watermarkHoldMs })
  }
}
