/** Puts events with their time into the history of the round that is under way. */
import type { HistoryEvent } from './history.ts'

type Untimed<E> = E extends HistoryEvent ? Omit<E, 'at'> : never
export type Record = (event: Untimed<HistoryEvent>) => void

export class Recorder {
  #events: HistoryEvent[] = []

  get events(): readonly HistoryEvent[] {
    return this.#events
  }

  readonly record: Record = event => {
    this.#events.push({ ...event, at: performance.now() })
  }

  /** Forgets what was recorded, and begins with where everybody is connected: owners are judged across rounds. */
  begin(connected: readonly Untimed<HistoryEvent>[]): void {
    this.#events = []
    for (const event of connected) this.record(event)
  }
}
