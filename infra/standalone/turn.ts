/**
 * One turn of a process: whatever sockets brought is read, then the core commits and routes, then the edge writes its sockets.
 * Owns the order of the last two; both are asked for with `core` and `edge` and run once the sockets have been read.
 */
export interface TurnOptions {
  /** Runs a function after the sockets that are ready have been read (`setImmediate`). */
  readonly schedule: (run: () => void) => void
  /** Called at the end of each turn, when all is written. */
  readonly after?: (() => void) | undefined
}

export class Turn {
  readonly #o: TurnOptions
  #core: (() => void)[] = []
  #edge: (() => void)[] = []
  #scheduled = false

  constructor(options: TurnOptions) {
    this.#o = options
  }

  readonly core = (work: () => void): void => {
    this.#core.push(work)
    this.#arm()
  }

  readonly edge = (work: () => void): void => {
    this.#edge.push(work)
    this.#arm()
  }

  #arm(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#o.schedule(this.#run)
  }

  readonly #run = (): void => {
    this.#scheduled = false
    for (let work = this.#core; work.length > 0; work = this.#core) {
      this.#core = []
      for (const one of work) one()
    }
    const edge = this.#edge
    this.#edge = []
    for (const one of edge) one()
    this.#o.after?.()
  }
}
