/** The messages of one `out` rule: sent in order within a group and side by side otherwise, tried again, given up. Owns no bytes of the queue's bound. */
import type { Message } from '../contract/message.ts'
import type { OutRule } from './config.ts'
import { deadLetter, type OutMapping } from './outgoing.ts'
import { type Outgoing, type Sender, SendFailure } from './port.ts'
import { Queue } from './queue.ts'
import type { BridgeEvents, BridgeStats } from './stats.ts'

export interface LanesOptions {
  readonly rule: OutRule
  /** As events call it. */
  readonly name: string
  readonly mapping: OutMapping
  readonly sender: Sender
  readonly stats: BridgeStats
  readonly events: BridgeEvents
  readonly after: (ms: number, fn: () => void) => void
  /** Messages being sent, or waiting to be tried again, at once. */
  readonly inFlight: number
}

export interface Job {
  readonly message: Message
  /** ms since the epoch: when it was routed. */
  readonly at: number
  /** Called once: it is sent, dead-lettered, lost or dropped. */
  readonly settled: () => void
}

/** A job whose turn it is or has been. */
interface Attempt {
  readonly job: Job
  readonly outgoing: Outgoing
  /** It goes to the dead-letter topic. */
  readonly dead: boolean
  /** Failures that count, and all of them. */
  counted: number
  tries: number
}

/** Jobs of one group in order; only the first is being sent. Without a group each job has a lane of its own. */
interface Lane {
  readonly group: string | undefined
  readonly jobs: Queue<Job>
}

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 10_000

export class Lanes {
  readonly #o: LanesOptions
  readonly #groups = new Map<string, Lane>()
  /** Lanes whose first job is to be sent. */
  readonly #ready = new Queue<Lane>()
  #inFlight = 0
  #stopped = false
  #failing = false

  constructor(options: LanesOptions) {
    this.#o = options
  }

  push(job: Job): void {
    const group = this.#o.mapping.group(job.message)
    const lane = group === undefined ? undefined : this.#groups.get(group)
    if (lane !== undefined) {
      lane.jobs.push(job)
      return
    }
    const fresh: Lane = { group, jobs: new Queue() }
    fresh.jobs.push(job)
    if (group !== undefined) this.#groups.set(group, fresh)
    this.#ready.push(fresh)
    this.#pump()
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true
  }

  #pump(): void {
    while (!this.#stopped && this.#inFlight < this.#o.inFlight) {
      const lane = this.#ready.shift()
      if (lane === undefined) return
      this.#inFlight++
      this.#o.stats.nowOutInFlight++
      this.#begin(lane)
    }
  }

  #begin(lane: Lane): void {
    const job = lane.jobs.first!
    try {
      const outgoing = this.#o.mapping.map(job.message, job.at)
      this.#send(lane, { job, outgoing, dead: false, counted: 0, tries: 0 })
    } catch (error) {
      // Properties that no edge would have let through. Later: nothing is settled inside `offer`.
      queueMicrotask(() => this.#lose(lane, job, textOf(error)))
    }
  }

  #send(lane: Lane, attempt: Attempt): void {
    attempt.tries++
    this.#o.sender.send(attempt.outgoing).then(
      () => this.#sent(lane, attempt),
      (error: unknown) => this.#failed(lane, attempt, error),
    )
  }

  #sent(lane: Lane, { job, dead }: Attempt): void {
    const { stats, events, name } = this.#o
    if (dead) stats.outDeadLettered++
    else stats.outSent++
    if (this.#failing) {
      this.#failing = false
      events({ is: 'bridge-recovered', rule: name })
    }
    this.#next(lane, job)
  }

  #failed(lane: Lane, attempt: Attempt, error: unknown): void {
    if (this.#stopped) return
    const { rule, stats, events, name, after } = this.#o
    const kind = error instanceof SendFailure ? error.kind : 'failed'
    const detail = textOf(error)
    if (attempt.job.message.qos === 0) {
      stats.outDropped++
      this.#next(lane, attempt.job)
      return
    }
    // Without a place to go a message waits for its topic: who knows whether it is gone or only away.
    const isWaiting = kind === 'missing' && (attempt.dead || rule.deadLetter === undefined)
    if (kind !== 'unavailable' && !isWaiting) attempt.counted++
    const spent = rule.attempts > 0 && attempt.counted >= rule.attempts
    if (kind === 'refused' || spent) return this.#giveUp(lane, attempt, detail)
    stats.outRetries++
    if (!this.#failing) {
      this.#failing = true
      events({ is: 'bridge-failing', rule: name, detail })
    }
    const ms = Math.min(RETRY_FIRST_MS * 2 ** (attempt.tries - 1), RETRY_MAX_MS)
    after(ms, () => {
      if (!this.#stopped) this.#send(lane, attempt)
    })
  }

  #giveUp(lane: Lane, attempt: Attempt, detail: string): void {
    const { rule, events, name } = this.#o
    const { job, dead } = attempt
    if (rule.deadLetter === undefined || dead) return this.#lose(lane, job, detail)
    events({ is: 'bridge-dead-lettered', rule: name, topic: job.message.topic, detail })
    const outgoing = deadLetter(attempt.outgoing, rule.deadLetter, detail)
    this.#send(lane, { job, outgoing, dead: true, counted: 0, tries: 0 })
  }

  #lose(lane: Lane, job: Job, detail: string): void {
    const { stats, events, name } = this.#o
    if (job.message.qos === 0) stats.outDropped++
    else {
      stats.outLost++
      events({ is: 'bridge-lost', rule: name, topic: job.message.topic, detail })
    }
    this.#next(lane, job)
  }

  /** The lane's first job is dealt with. */
  #next(lane: Lane, job: Job): void {
    this.#inFlight--
    this.#o.stats.nowOutInFlight--
    lane.jobs.shift()
    if (lane.jobs.length > 0) this.#ready.push(lane)
    else if (lane.group !== undefined) this.#groups.delete(lane.group)
    job.settled()
    this.#pump()
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
