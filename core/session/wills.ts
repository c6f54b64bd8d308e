/** Publishes the wills of sessions that live here: where sites share clients, once the directory says that it is ours to do. Decides not when they are due. */
import type { ClientKey } from '../contract/ids.ts'
import type { MessageInit } from '../contract/message.ts'
import type { Will } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Directory } from '../site/port.ts'
import type { Identity } from '../site/relayed-ids.ts'
import type { State } from '../state/port.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { willId, willMessage } from '../will/will.ts'
import type { Session } from './session.ts'

export interface WillsOptions {
  readonly directory?: Pick<Directory, 'takeWill'> | undefined
  readonly turn: Turn
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  /** `done` once it is routed and, with QoS ≥ 1, durable. */
  readonly publish: (init: MessageInit, id: Identity, done?: () => void) => void
  readonly state: Pick<State, 'deleteSession'>
  readonly session: (client: ClientKey) => Session | undefined
  /** The session's record has to be written. */
  readonly mark: (s: Session) => void
}

export class Wills {
  readonly #o: WillsOptions

  constructor(options: WillsOptions) {
    this.#o = options
  }

  /**
   * Nobody is asked if it is due because of a claim. `kept`: the session goes on. Where others are asked, its record keeps the will
   * until that is published, so that whoever comes after this core can do it.
   */
  fire(s: Session, kept: boolean): void {
    if (s.willAsked) return
    const { client, epoch } = s
    const will = s.will!
    const { directory, turn } = this.#o
    if (directory === undefined || s.waiting !== undefined || s.claimed) {
      if (kept) this.#over(s, will)
      return this.#publish(client, epoch, will)
    }
    s.willAsked = true
    directory.takeWill(client, epoch, mine =>
      turn.call(() => {
        if (mine === true) this.#publish(client, epoch, will, () => this.#over(s, will))
        else this.#over(s, will)
      }),
    )
  }

  #over(s: Session, will: Will): void {
    const { state, session, mark, turn } = this.#o
    if (s.presence === 'ended') {
      if (!s.stored || session(s.client)?.stored === true) return
      state.deleteSession(s.client)
      turn.urge()
    } else if (s.will === will) {
      s.will = undefined
      s.willAsked = false
      mark(s)
    }
  }

  #publish(client: ClientKey, epoch: number, will: Will, done?: () => void): void {
    const { stats, events, publish, now } = this.#o
    publish(willMessage(client, will, now()), willId(client, epoch), done)
    stats.willsPublished++
    events({ is: 'will-published', client, topic: will.topic })
  }
}
