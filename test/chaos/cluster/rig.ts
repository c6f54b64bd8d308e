/** What the chaos driver needs of an installation: places to connect to, faults it can suffer, a way back to health. */

/** An MQTT listener of this machine. */
export interface Place {
  readonly name: string
  /** Default 127.0.0.1. */
  readonly host?: string
  readonly port: number
}

/** What a fault may use while it runs. */
export interface FaultContext {
  readonly random: () => number
  /** Publishing goes on until it resolves. */
  sleep(ms: number): Promise<void>
  /** Call right before the harm is done: recovery is counted from here. */
  begins(): void
  /** Opens a second connection for half of the devices of a place, at other places, as devices do that think theirs is dead. */
  migrate(from: Place): Promise<void>
  /** One client id that connects `times` times, at one place after the other, without closing. */
  bounce(times: number): Promise<void>
}

export interface Fault {
  readonly name: string
  readonly text: string
  /** A core that loses its lease ends itself: no complaint about that. */
  readonly mayEndCores?: boolean
  run(context: FaultContext): Promise<void>
}

/** A process that was not to end. */
export interface Ended {
  readonly name: string
  readonly isCore: boolean
  /** The end of its log. */
  readonly log: string
}

export interface Rig {
  readonly places: readonly Place[]
  readonly faults: readonly Fault[]
  /** Starts what does not run and waits until everything is ready. @returns what had ended by itself. */
  heal(): Promise<Ended[]>
  /** Lines in the logs of servers that mean lost messages. */
  faultsInLogs(): string[]
  /** Ends everything; the folder goes with it unless it is to be kept. */
  stop(): Promise<void>
  /** Logs and data. */
  readonly folder: string
}
