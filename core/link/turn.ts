/**
 * The turn: what edges said since the last one, made durable and then carried out in order. Owns the queue, the envelope
 * under construction, and what waits for commits; knows neither routes nor sessions.
 *
 *     calls ─▶ queue + envelope ──commit of the log──▶ queue, in order ─▶ calls …
 *         └──▶ staged state ──commit of the state──▶ answers; envelopes close
 *
 * The two commits are one if log and state are one store. If not, state that was staged with an envelope is committed after
 * it: what the log does not hold must not be in a record.
 */
import type { ByteWriter } from '../contract/codec.ts'
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import type { EdgePort, Step } from '../contract/link.ts'
import type { Message } from '../contract/message.ts'
import { EnvelopeWriter } from '../log/envelope.ts'
import type { Commits, Log } from '../log/port.ts'
import { Envelope, Watermark } from '../log/watermark.ts'
import type { CoreEvents, CoreStats } from '../stats.ts'
import { Committer } from './committer.ts'

export interface TurnOptions {
  readonly log: Log
  /** Of the state; may be the same as the log's. */
  readonly state: Commits
  readonly limits: Limits
  readonly stats: CoreStats
  readonly events: CoreEvents
  readonly now: () => number
  /** Runs a function once the sockets of this turn have been read. */
  readonly defer: (fn: () => void) => void
  /** Carries out one message. `envelope` holds it in the log; undefined if it is not there. */
  readonly route: (message: Message, from: Publisher | undefined, envelope: Envelope | undefined) => void
  /** Last chance to stage state before a commit. */
  readonly stage: () => void
  readonly congest: (on: boolean) => void
}

type Work = Message | (() => void)
/** Who gets the receipt. */
export interface Publisher extends Pick<EdgePort, 'receipt'> {
  /** Another site: nobody here takes a shared group's copy. It keeps the message in the log until `Router.delivered`. */
  giveBack?(group: TopicFilter, message: Message): void
}

interface Batch {
  readonly queue: Work[]
  readonly from: (Publisher | undefined)[]
  readonly envelope: Envelope | undefined
  readonly bytes: number
}

/** What waits for a commit of the state. */
interface Staged {
  readonly answers: (() => void)[]
  readonly closings: Envelope[]
}

const MESSAGE_OVERHEAD_BYTES = 128

export class Turn {
  /** Log position of the next record. */
  position: number
  /** What edges are told: reading from publishers pauses. */
  congested = false
  readonly #o: TurnOptions
  readonly #log: Committer
  /** The same as `#log` if there is one store. */
  readonly #state: Committer
  readonly #writer = new EnvelopeWriter()
  readonly #watermark = new Watermark()
  #queue: Work[] = []
  #from: (Publisher | undefined)[] = []
  /** QoS 0 messages that came while the log was being written: they need not wait for it. */
  #fast: Message[] = []
  #answers: (() => void)[] = []
  #closings: Envelope[] = []
  #staged: Staged | undefined = undefined
  #envelope: Envelope | undefined = undefined
  #urgent = false
  /** Of `#queue`, and of that and what is being committed. */
  #bytes = 0
  #pendingBytes = 0
  /** Somebody else than the log is behind. */
  readonly #pressing = new Set<object>()
  #scheduled = false
  #running = false
  #trimDue = false
  #trimmed = 0
  #idle: (() => void)[] = []
  readonly #flush = () => {
    this.#scheduled = false
    this.flush()
  }

  constructor(options: TurnOptions) {
    this.#o = options
    this.position = options.log.next
    this.#log = new Committer(options.log.commits, options)
    this.#state = this.#isOne ? this.#log : new Committer(options.state, options)
  }

  /** The state cannot be written: claims are refused. */
  get failing(): boolean {
    return this.#state.failing
  }

  /** The last commit of log or state failed. */
  get stuck(): boolean {
    return this.#log.failing || this.#state.failing
  }

  /** Log and state are one store, with one commit. */
  get #isOne(): boolean {
    return this.#o.log.commits === this.#o.state
  }

  /** Accepts a message: it is routed, in its place, once it is durable. */
  message(message: Message, from: Publisher | undefined): void {
    if (message.qos === 0 && this.#log.busy && !message.retain) {
      this.#fast.push(message)
      return this.#schedule()
    }
    this.#queue.push(message)
    this.#from.push(from)
    if (message.qos > 0 && this.#o.log.keeps) {
      this.#writer.message(message)
      this.#envelope ??= new Envelope(this.position)
    }
    const bytes = message.payload.length + message.topic.length + MESSAGE_OVERHEAD_BYTES
    this.#bytes += bytes
    this.#pendingBytes += bytes
    if (this.#pendingBytes > this.#o.limits.logPendingBytes && !this.congested) this.#weigh()
    if (!this.#scheduled) this.#schedule()
  }

  /** Records a step of a session; `whole`: with its message, which is nowhere else. */
  step(client: ClientKey, step: Step, whole: boolean): void {
    if (!this.#o.log.keeps) return
    this.#writer.step(client, step, whole)
    this.#envelope ??= new Envelope(this.position)
    this.#schedule()
  }

  /** Records that a client has had a message of another site there: behind the message. */
  had(client: ClientKey, message: Message): void {
    if (!this.#o.log.keeps) return
    this.#writer.had(client, message)
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

  /**
   * What is written elsewhere holds the envelope until it is durable: the callback for that. Undefined if nothing need be
   * waited for: there is no envelope, or the next commit makes it durable anyway.
   */
  share(envelope: Envelope | undefined): (() => void) | undefined {
    if (envelope === undefined || this.#isOne) return undefined
    envelope.open++
    envelope.durable ??= () => this.close(envelope)
    return envelope.durable
  }

  /** At start: an envelope of an earlier life that something still waits for, before any other. */
  keep(envelope: Envelope): void {
    this.#watermark.add(envelope)
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

  /** Answers a call that staged nothing: at once, unless an earlier answer waits for the same commit. Only from within `call`. */
  answer(fn: () => void): void {
    if (this.#isOne && this.#answers.length > 0) this.#answers.push(fn)
    else fn()
  }

  /** Somebody else cannot keep up: edges read no further from publishers. */
  press(who: object, on: boolean): void {
    if (on) this.#pressing.add(who)
    else this.#pressing.delete(who)
    this.#weigh()
  }

  /** About once a second: retries, and trims the log with the next commit. */
  tick(now: number): void {
    this.#trimDue = true
    this.#o.stats.nowLogEnvelopes = this.#watermark.size
    this.#o.stats.nowPendingBytes = this.#pendingBytes
    this.#log.tick(now)
    if (this.#state !== this.#log) this.#state.tick(now)
    if (this.#log.busy) return
    if (this.#closings.length > 0 || this.#o.log.commits.dirty || this.#o.state.dirty) this.urge()
    else this.#trim()
  }

  /** Carries out everything that is pending, and what that brings, until nothing is left or a commit is under way. */
  flush(): void {
    if (this.#running) return
    this.#running = true
    try {
      this.#carryOutFast()
      while (!this.#log.busy && (this.#queue.length > 0 || this.#urgent || this.#writer.records > 0)) {
        this.#turn()
        this.#carryOutFast()
      }
    } finally {
      this.#running = false
    }
    if (this.#idle.length > 0 && !this.#busy) for (const fn of this.#idle.splice(0)) fn()
  }

  /** `fn` once nothing is pending any more: at once, or when the commits under way are done. Nobody waits for a store that fails. */
  whenIdle(fn: () => void): void {
    this.#idle.push(fn)
    this.urge()
    this.flush()
  }

  get #busy(): boolean {
    if (this.stuck) return false
    return this.#log.busy || this.#state.busy || this.#queue.length > 0 || this.#staged !== undefined
  }

  #schedule(): void {
    if (this.#scheduled || this.#running) return
    this.#scheduled = true
    this.#o.defer(this.#flush)
  }

  #turn(): void {
    const one = this.#isOne
    const records = this.#writer.records > 0
    const commit = records || (one && this.#urgent)
    if (this.#urgent || (one && records)) this.#stage()
    const batch: Batch = { queue: this.#queue, from: this.#from, envelope: this.#envelope, bytes: this.#bytes }
    this.#queue = []
    this.#from = []
    this.#bytes = 0
    this.#envelope = undefined
    if (!commit) {
      this.#commitState()
      return this.#carryOut(batch)
    }
    const taken = this.#append(batch)
    const staged = one ? this.#takeStaged() : undefined
    this.#log.start(() => {
      // A state that answers at once must not begin the next turn before this one is carried out.
      const within = this.#running
      this.#running = true
      try {
        if (taken !== undefined) this.#writer.recycle(taken)
        this.#settle(staged)
        this.#commitState()
        this.#carryOut(batch)
      } finally {
        this.#running = within
      }
      if (!within) this.flush()
    })
  }

  /** What has changed goes into the state as it is before this turn's envelope ends, and waits for its commit. */
  #stage(): void {
    this.#urgent = false
    this.#o.stage()
    const { answers, closings } = this.#takeStaged() ?? { answers: [], closings: [] }
    this.#staged = { answers: answers.concat(this.#answers), closings: closings.concat(this.#closings) }
    this.#answers = []
    this.#closings = []
  }

  #takeStaged(): Staged | undefined {
    const staged = this.#staged
    this.#staged = undefined
    return staged
  }

  /** Of a store of its own, once the log holds what was staged up to now. */
  #commitState(): void {
    if (this.#isOne || this.#log.busy || this.#state.busy || this.#staged === undefined) return
    const staged = this.#takeStaged()
    this.#state.start(() => {
      this.#settle(staged)
      this.#commitState()
      if (!this.#running) this.flush()
    })
  }

  #settle(staged: Staged | undefined): void {
    if (staged === undefined) return
    for (const envelope of staged.closings) envelope.open--
    if (this.#trimDue) this.#trim()
    for (const answer of staged.answers) answer()
  }

  #append(batch: Batch): ByteWriter | undefined {
    const { records } = this.#writer
    if (batch.envelope === undefined) return undefined
    const { stats, log } = this.#o
    const taken = this.#writer.take()
    log.append(this.position, records, taken.bytes.subarray(0, taken.length))
    stats.logRecords += records
    stats.logBytes += taken.length
    this.position += records
    this.#watermark.add(batch.envelope)
    return taken
  }

  #carryOutFast(): void {
    const fast = this.#fast
    if (fast.length === 0) return
    this.#fast = []
    for (const message of fast) this.#o.route(message, undefined, undefined)
  }

  #carryOut(batch: Batch): void {
    const { queue, from, envelope } = batch
    const { route, log, state } = this.#o
    for (let i = 0; i < queue.length; i++) {
      const work = queue[i]!
      if (typeof work === 'function') work()
      else route(work, from[i], work.qos > 0 ? envelope : undefined)
    }
    if (log.commits.full || state.full) this.#urgent = true
    // Inbox entries that routing wrote go with the next commit; until then the log keeps this envelope.
    this.close(envelope)
    this.#pendingBytes -= batch.bytes
    if (this.congested) this.#weigh()
  }

  #trim(): void {
    this.#trimDue = false
    const low = this.#watermark.low(this.position)
    if (low <= this.#trimmed) return
    this.#trimmed = low
    this.#o.log.trim(low)
  }

  /** Tells edges if that has changed. */
  #weigh(): void {
    const on = this.#pressing.size > 0 || this.#pendingBytes > this.#o.limits.logPendingBytes
    if (on === this.congested) return
    this.congested = on
    this.#o.congest(on)
  }
}
