/** Orders to drain between the workers of an edge and their parent, over the channel that Node gives a child process. Knows one end each; obeys nothing itself. */
import type { ChildProcess } from 'node:child_process'
import process from 'node:process'
import type { DrainOrder, DrainState, Obey } from '../../edge/http/drain.ts'

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

/** A worker that does not answer its parent within this time does not count; a worker waits somewhat longer for all of them. */
const WORKER_MS = 2_000
const PARENT_MS = 3_000

/** In a worker: orders are given to its parent, which gives them to all. A parent that knows nothing of it leaves them to this process. */
export function together(own: Obey): Obey {
  if (process.send === undefined) return own
  const parent = new Orders(process, own)
  return async order => (await parent.ask(order, PARENT_MS)) ?? own(order)
}

/** What all of them are. */
export const sumOf = (states: readonly (DrainState | undefined)[]): DrainState => ({
  draining: states.some(one => one?.draining),
  clients: states.reduce((sum, one) => sum + (one?.clients ?? 0), 0),
})

export class Orders {
  readonly #channel: Channel
  readonly #asked = new Map<number, (state: DrainState) => void>()
  #n = 0

  /** What comes from the other end is given to `obey`. */
  constructor(channel: Channel, obey: Obey) {
    this.#channel = channel
    channel.on('message', raw => {
      const { n, order, state } = raw as Message
      if (state !== undefined) this.#asked.get(n)?.(state)
      else if (order !== undefined) void this.#answer(n, obey(order))
    })
  }

  /** Resolves with what the other end says; undefined: it says nothing in time, or is gone. */
  ask(order: DrainOrder, withinMs = WORKER_MS): Promise<DrainState | undefined> {
    if (!this.#channel.connected) return Promise.resolve(undefined)
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

  /** An end that goes meanwhile answers nothing. */
  #send(message: Message): void {
    if (this.#channel.connected) this.#channel.send?.(message, () => {})
  }
}
