/**
 * The turn: what edges said since the last one, made durable at once and then carried out in order. Owns the queue, the
 * envelope under construction, commits and their retries; knows neither routes nor sessions.
 *
 *     calls ─▶ queue + envelope + staged state ──commit──▶ answers of the turn before ─▶ queue, in order ─▶ calls …
 */
import type { ClientKey } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { EdgePort, Step } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import { EnvelopeWriter } from '../log/envelope.ts'
import type { Commits, Log } from '../log/port.ts'
import { Envelope, Watermark } from '../log/watermark.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'

export interface TurnOptions {
  readonly log: Log
  /** All that has to commit, each once. */
  readonly commits: readonly Commits[]
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  /** Runs a function once the sockets of this turn have been read. */
  readonly defer: (fn: () => void) => void
  /** Carries out one message. `envelope` holds it in the log; undefined if it is not there. */
  readonly route: (message: Message, from: EdgePort | undefined, envelope: Envelope | undefined) => void
  /** Last chance to stage state before a commit. */
  readonly stage: () => void
  readonly congest: (on: boolean) => void
}

type Work = Message | (() => void)

interface Batch {
  readonly queue: Work[]
  readonly from: (EdgePort | undefined)[]
  readonly answers: (() => void)[]
  readonly closings: Envelope[]
  readonly envelope: Envelope | undefined
  readonly bytes: number
}

const RETRY_FIRST_MS = 1_000
const RETRY_MAX_MS = 30_000
const MESSAGE_OVERHEAD_BYTES = 128

export class Turn {
  /** Log position of the next record. */
  position: number
  /** What edges are told: reading from publishers pauses. */
  congested = false
  readonly #o: TurnOptions
  readonly #writer = new EnvelopeWriter()
  readonly #watermark = new Watermark()
  #queue: Work[] = []
  #from: (EdgePort | undefined)[] = []
  #answers: (() => void)[] = []
  #closings: Envelope[] = []
  #envelope: Envelope | undefined = undefined
  #urgent = false
  #bytes = 0
  #scheduled = false
  #running = false
  #committing: Batch | undefined = undefined
  #failing = false
  #retryAt = 0
  #retryMs = RETRY_FIRST_MS
  #trimDue = false
  #trimmed = 0
  readonly #flush = () => {
    this.#scheduled = false
    this.flush()
  }

  constructor(options: TurnOptions) {
    this.#o = options
    this.position = options.log.next
  }

  /** The last commit failed: nothing is answered until one succeeds. */
  get failing(): boolean {
    return this.#failing
  }

  /** Accepts a message: it is routed, in its place, once it is durable. */
  message(message: Message, from: EdgePort | undefined): void {
    this.#queue.push(message)
    this.#from.push(from)
    if (message.qos > 0 && this.#o.log.keeps) {
      this.#writer.message(message)
      this.#envelope ??= new Envelope(this.position)
    }
    this.#bytes += message.payload.length + message.topic.length + MESSAGE_OVERHEAD_BYTES
    if (this.#bytes > this.#o.limits.logPendingBytes && !this.congested) this.#congest(true)
    if (!this.#scheduled) this.#schedule()
  }

  /** Records a step of a session; `whole`: with its message, which is nowhere else. */
  step(client: ClientKey, step: Step, whole: boolean): void {
    if (!this.#o.log.keeps) return
    this.#writer.step(client, step, whole)
    this.#envelope ??= new Envelope(this.position)
    this.#schedule()
  }

  /** Opens an entry of the envelope under construction; `close` ends it. Undefined if the log keeps nothing. */
  hold(): Envelope | undefined {
    if (this.#envelope !== undefined) this.#envelope.open++
    return this.#envelope
  }

  /** Nothing waits for this entry any more, once what was staged up to now is durable. */
  close(envelope: Envelope | undefined): void {
    if (envelope !== undefined) this.#closings.push(envelope)
  }

  /** Position the next step or message will have. */
  get next(): number {
    return this.position + this.#writer.records
  }

  /** Runs `fn` in its place in the queue, after what was recorded before it is durable. */
  call(fn: () => void): void {
    this.#queue.push(fn)
    this.#from.push(undefined)
    this.#schedule()
  }

  /** State was staged that should be durable soon: this turn commits. */
  urge(): void {
    this.#urgent = true
    this.#schedule()
  }

  /** Answers a call that staged state: after the next commit. */
  afterCommit(fn: () => void): void {
    this.#answers.push(fn)
    this.urge()
  }

  /** Answers a call that staged nothing: at once, unless an earlier answer still waits. Only from within `call`. */
  answer(fn: () => void): void {
    if (this.#answers.length > 0) this.#answers.push(fn)
    else fn()
  }

  /** About once a second: retries, and trims the log with the next commit. */
  tick(now: number): void {
    this.#trimDue = true
    this.#o.stats.nowLogEnvelopes = this.#watermark.size
    this.#o.stats.nowPendingBytes = this.#bytes + (this.#committing?.bytes ?? 0)
    if (this.#committing !== undefined) {
      if (this.#failing && now >= this.#retryAt) this.#commit(this.#committing)
    } else if (this.#closings.length > 0 || this.#o.commits.some(c => c.dirty)) this.urge()
    else this.#trim()
  }

  /** Carries out everything that is pending, and what that brings, until nothing is left or a commit is under way. */
  flush(): void {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#committing === undefined && (this.#queue.length > 0 || this.#urgent || this.#writer.records > 0))
        this.#turn()
    } finally {
      this.#running = false
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#running) return
    this.#scheduled = true
    this.#o.defer(this.#flush)
  }

  #turn(): void {
    const durable = this.#urgent || this.#writer.records > 0
    if (durable) this.#o.stage()
    const batch: Batch = {
      queue: this.#queue,
      from: this.#from,
      answers: durable ? this.#answers : [],
      closings: durable ? this.#closings : [],
      envelope: this.#envelope,
      bytes: this.#bytes,
    }
    this.#queue = []
    this.#from = []
    this.#bytes = 0
    this.#envelope = undefined
    if (!durable) return this.#carryOut(batch)
    this.#answers = []
    this.#closings = []
    this.#urgent = false
    this.#append(batch)
    this.#committing = batch
    this.#commit(batch)
  }

  #append(batch: Batch): void {
    const { records } = this.#writer
    if (batch.envelope === undefined) return
    const { stats, log } = this.#o
    const taken = this.#writer.take()
    log.append(this.position, records, taken.bytes.subarray(0, taken.length))
    stats.logRecords += records
    stats.logBytes += taken.length
    this.position += records
    this.#watermark.add(batch.envelope)
    batch.answers.unshift(() => this.#writer.recycle(taken))
  }

  #commit(batch: Batch): void {
    let left = this.#o.commits.length
    let failure: Error | undefined
    const done = (error: Error | undefined) => {
      failure ??= error
      if (--left > 0) return
      if (failure !== undefined) return this.#failed(failure)
      this.#committed(batch)
    }
    for (const c of this.#o.commits) c.commit(done)
  }

  #failed(error: Error): void {
    const { stats, events, now } = this.#o
    stats.commitFailures++
    this.#retryMs = this.#failing ? Math.min(this.#retryMs * 2, RETRY_MAX_MS) : RETRY_FIRST_MS
    this.#failing = true
    this.#retryAt = now() + this.#retryMs
    if (!this.congested) this.#congest(true)
    events({ is: 'commit-failed', detail: error.message, retryMs: this.#retryMs })
  }

  #committed(batch: Batch): void {
    this.#o.stats.commits++
    if (this.#failing) {
      this.#failing = false
      this.#o.events({ is: 'commit-recovered' })
    }
    this.#committing = undefined
    for (const envelope of batch.closings) envelope.open--
    if (this.#trimDue) this.#trim()
    this.#carryOut(batch)
    if (!this.#running) this.flush()
  }

  #carryOut(batch: Batch): void {
    for (const answer of batch.answers) answer()
    const { queue, from, envelope } = batch
    const { route } = this.#o
    for (let i = 0; i < queue.length; i++) {
      const work = queue[i]!
      if (typeof work === 'function') work()
      else route(work, from[i], work.qos > 0 ? envelope : undefined)
    }
    for (const c of this.#o.commits) if (c.full) this.#urgent = true
    // Inbox entries that routing wrote go with the next commit; until then the log keeps this envelope.
    this.close(envelope)
    if (this.congested && !this.#failing && this.#bytes <= this.#o.limits.logPendingBytes) this.#congest(false)
  }

  #trim(): void {
    this.#trimDue = false
    const low = this.#watermark.low(this.position)
    if (low <= this.#trimmed) return
    this.#trimmed = low
    this.#o.log.trim(low)
  }

  #congest(on: boolean): void {
    this.congested = on
    this.#o.congest(on)
  }
}
