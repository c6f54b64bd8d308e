/** Orders to drain between the workers of an edge and their parent, over the channel that Node gives a child process. Knows one end each; obeys nothing itself. */
import type { ChildProcess } from 'node:child_process'
import type { DrainOrder, DrainState } from '../../edge/http/drain.ts'

export type Obey = (order: DrainOrder) => DrainState | Promise<DrainState>

/** Either end of a channel: a child, or `process` in that child. */
interface Channel {
  readonly connected: boolean
  readonly send?: ChildProcess['send'] | undefined
  on(event: 'message', listener: (message: unknown) => void): unknown
}

/** `n` is the asker's number of the order. */
interface Message {
  readonly n: number
  readonly order?: DrainOrder
  readonly state?: DrainState
}

/** Who does not answer within this time does not count. */
const ANSWER_MS = 2_000

export class Orders {
  readonly #channel: Channel
  readonly #asked = new Map<number, (state: DrainState) => void>()
  #n = 0

  /** What comes from the other end is given to `obey`. */
  constructor(channel: Channel, obey?: Obey) {
    this.#channel = channel
    channel.on('message', raw => {
      const { n, order, state } = raw as Message
      if (state !== undefined) this.#asked.get(n)?.(state)
      else if (order !== undefined && obey !== undefined) void this.#answer(n, obey(order))
    })
  }

  /** Resolves with what the other end says; undefined: it says nothing in time. */
  ask(order: DrainOrder, withinMs = ANSWER_MS): Promise<DrainState | undefined> {
    const n = ++this.#n
    return new Promise(done => {
      const end = (state?: DrainState): void => {
        clearTimeout(timer)
        this.#asked.delete(n)
        done(state)
      }
      const timer = setTimeout(end, withinMs)
      this.#asked.set(n, end)
      this.#send({ n, order })
    })
  }

  async #answer(n: number, state: DrainState | Promise<DrainState>): Promise<void> {
    this.#send({ n, state: await state })
  }

  /** An end that is gone answers nothing. */
  #send(message: Message): void {
    if (this.#channel.connected) this.#channel.send?.(message, () => {})
  }
}
