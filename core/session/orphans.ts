/**
 * Sessions whose connections ended with the core before this one. How they ended their edges may know: until these had the
 * time to link here, or somebody claims them, nothing of such a session ends and no will is published. Owns who they are.
 */
import type { ClientKey } from '../contract/ids.ts'
import type { Release } from '../contract/link.ts'
import type { Turn } from '../link/turn.ts'
import type { Directory } from '../site/port.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface OrphansOptions {
  readonly turn: Turn
  readonly directory?: Pick<Directory, 'takeWill'> | undefined
  readonly now: () => number
  /** How long edges have after the start; 0 if there are none elsewhere. */
  readonly edgesMs: number
}

export class Orphans {
  readonly #o: OrphansOptions
  readonly #sessions: Sessions
  /** Their records say that they are connected, also for the next core if this one dies. */
  readonly #waiting = new Set<Session>()
  #since = 0
  #until = 0

  constructor(options: OrphansOptions, sessions: Sessions) {
    this.#o = options
    this.#sessions = sessions
  }

  /** At start: it was connected. */
  add(s: Session): void {
    const { now, edgesMs } = this.#o
    this.#since = now()
    if (edgesMs === 0) s.offlineAt = this.#since
    else this.#waiting.add(s)
    this.#sessions.mark(s)
  }

  /** Edges can link from now on. */
  open(): void {
    this.#until = this.#o.now() + this.#o.edgesMs
  }

  /** It is claimed: what its edge has not said by now comes too late. */
  claimed(client: ClientKey): void {
    const s = this.#sessions.get(client)
    if (s !== undefined) this.#decide(s)
  }

  /** A few times a second. ms since the epoch. */
  tick(now: number): void {
    if (now >= this.#until) for (const s of this.#waiting) this.#decide(s)
  }

  /** Its edge says how the connection ended that it had in this epoch. `done` once that is durable, or has no effect. */
  recall(client: ClientKey, epoch: number, release: Release, agoMs: number, done: () => void = () => {}): void {
    const { turn, directory, now } = this.#o
    const sessions = this.#sessions
    const s = sessions.get(client)
    if (s === undefined || s.moved || s.epoch < epoch) {
      // It lives at another site, which may be dead.
      if (directory === undefined || release.will) turn.call(done)
      else directory.takeWill(client, epoch, () => turn.call(done))
    } else if (s.epoch > epoch || s.presence !== 'offline' || s.waiting !== undefined) turn.call(done)
    else {
      this.#waiting.delete(s)
      if (sessions.part(s, release, now() - agoMs)) this.#settle(s)
      turn.afterCommit(done)
    }
  }

  #decide(s: Session): void {
    if (!this.#waiting.delete(s) || s.presence !== 'offline' || s.offlineAt > 0) return
    s.offlineAt = this.#since
    this.#settle(s)
  }

  #settle(s: Session): void {
    this.#sessions.mark(s)
    this.#sessions.settle(s, this.#o.now())
  }
}
