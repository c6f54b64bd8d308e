/** Publishes the wills of sessions that live here: where sites share clients, once the directory says that it is ours to do. Decides not when they are due. */
import type { ClientKey } from '../contract/ids.ts'
import type { MessageInit } from '../contract/message.ts'
import type { Will } from '../contract/session.ts'
import type { Turn } from '../link/turn.ts'
import type { Directory } from '../site/port.ts'
import type { Identity } from '../site/relayed-ids.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { willId, willMessage } from '../will/will.ts'
import type { Session } from './session.ts'

export interface WillsOptions {
  readonly directory?: Pick<Directory, 'takeWill'> | undefined
  readonly turn: Turn
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  readonly publish: (init: MessageInit, id: Identity) => void
  /** The session's record has to be written. */
  readonly mark: (s: Session) => void
}

export class Wills {
  readonly #o: WillsOptions

  constructor(options: WillsOptions) {
    this.#o = options
  }

  /** Nobody is asked if it is due because of a claim. `kept`: the session goes on, and its record keeps the will until it is published. */
  fire(s: Session, kept: boolean): void {
    if (s.willAsked) return
    const { client, epoch } = s
    const will = s.will!
    const { directory, turn, mark } = this.#o
    const fire = (mine: boolean) => {
      if (kept && s.will === will) {
        s.will = undefined
        s.willAsked = false
        mark(s)
      }
      if (mine) this.#publish(client, epoch, will)
    }
    if (directory === undefined || s.waiting !== undefined || s.claimed) return fire(true)
    s.willAsked = true
    directory.takeWill(client, epoch, mine => turn.call(() => fire(mine === true)))
  }

  #publish(client: ClientKey, epoch: number, will: Will): void {
    const { stats, events, publish, now } = this.#o
    publish(willMessage(client, will, now()), willId(client, epoch))
    stats.willsPublished++
    events({ is: 'will-published', client, topic: will.topic })
  }
}
