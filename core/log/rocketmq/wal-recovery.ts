/** The logs of earlier cores: seals them, reads them, keeps what was read for a second reading, listens for strays, and says when they are finished. */
import type { LiteConsumer, LiteMessage } from './lite.ts'
import type { Wal } from './registry.ts'
import { type Entry, frameSeal } from './wal-frame.ts'
import type { Marks } from './wal-marks.ts'
import { Reading } from './wal-reading.ts'
import type { WalStats } from './wal-stats.ts'

export interface RecoveryOptions {
  readonly wals: readonly Wal[]
  /** Of this incarnation. */
  readonly name: string
  readonly send: (liteTopic: string, body: Uint8Array) => Promise<void>
  readonly openConsumer: (onMessage: (message: LiteMessage) => void) => Promise<LiteConsumer>
  readonly marks: Marks
  readonly stats: WalStats
  readonly warn: (text: string) => void
  readonly recoveryBytes: number
  readonly strayMs: number
  /** RocketMQ may be silent for so long. */
  readonly timeoutMs: number
}

export type Visit = (position: number, records: number, envelope: Uint8Array) => void

interface Old {
  readonly wal: Wal
  readonly reading: Reading
  mark: Wal
  /** Everything before the seal has been trimmed. */
  covered: boolean
}

const RETRY_MS = 300

export class Recovery {
  /** After every position that was seen. */
  next = 1
  readonly #o: RecoveryOptions
  #old: Old[] = []
  #consumer: LiteConsumer | undefined
  /** All of the logs, if that is not too much. */
  #kept: Entry[] | undefined = []
  #listened = false
  #closed = false
  #strays: Entry[] = []
  #strayBytes = 0
  #onStray: Visit | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: RecoveryOptions) {
    this.#o = options
  }

  /** @throws Error if one of the logs cannot be sealed or read. */
  async open(): Promise<void> {
    const { wals, stats, name, warn, timeoutMs, strayMs } = this.#o
    if (wals.length === 0) return
    stats.nowUnfinished = wals.length
    const byTopic = new Map<string, Reading>()
    const consumer = await this.#o.openConsumer(m => byTopic.get(m.liteTopic)?.take(m.offset, m.body))
    this.#consumer = consumer
    for (const wal of [...wals].sort((a, b) => a.position - b.position)) {
      const reading = new Reading({
        wal,
        seal: name,
        stats,
        warn,
        subscribe: offset =>
          this.#insist(`Log '${wal.name}' cannot be read`, () => consumer.subscribe(wal.name, offset)),
        stray: entry => this.#stray(wal, entry),
      })
      byTopic.set(wal.name, reading)
      this.#old.push({ wal, reading, mark: wal, covered: wal.sealed })
    }
    for (const { wal, reading } of this.#old) {
      if (wal.sealed) await reading.listen()
      else {
        await this.#seal(wal)
        await reading.read(entry => this.#keep(entry), timeoutMs)
      }
      this.next = Math.max(this.next, reading.end)
    }
    this.#timer = setTimeout(() => void this.#stopListening(), strayMs)
  }

  /** All envelopes of the logs in order of position; a promise if they have to be read again. */
  replay(visit: Visit): Promise<void> | undefined {
    if (this.#kept === undefined) return this.#readAgain(visit)
    for (const { position, records, envelope } of this.#kept) visit(position, records, envelope)
    return undefined
  }

  /** Envelopes that come after the seal, from now on and those that came already. They have positions that may be in use: they are to be appended anew. */
  strays(visit: Visit): void {
    this.#onStray = visit
    for (const { position, records, envelope } of this.#strays.splice(0)) visit(position, records, envelope)
    this.#strayBytes = 0
  }

  /** Envelopes before `position` are not needed any more; the first call ends the replays. */
  trim(position: number): void {
    this.#kept = undefined
    this.#o.stats.nowRecoveryBytes = 0
    for (const old of this.#old) {
      const { wal, reading } = old
      if (old.covered) continue
      old.covered = position >= reading.end
      const { name } = wal
      if (old.covered) old.mark = { name, position: reading.end, offset: reading.sealedAt, sealed: true }
      else if (position <= old.mark.position) continue
      else old.mark = { name, position, offset: reading.offsets.trim(position, wal.offset), sealed: false }
      this.#o.marks.mark(old.mark)
    }
    this.#finish()
  }

  remark(): void {
    for (const { mark } of this.#old) this.#o.marks.mark(mark)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#consumer?.close()
  }

  #keep(entry: Entry): void {
    const { stats, recoveryBytes } = this.#o
    stats.recoveredEnvelopes++
    stats.recoveredBytes += entry.envelope.length
    if (this.#kept === undefined) return
    stats.nowRecoveryBytes += entry.envelope.length
    this.#kept.push(entry)
    if (stats.nowRecoveryBytes <= recoveryBytes) return
    this.#kept = undefined
    stats.nowRecoveryBytes = 0
  }

  async #readAgain(visit: Visit): Promise<void> {
    for (const { wal, reading } of this.#old)
      if (!wal.sealed) await reading.read(e => visit(e.position, e.records, e.envelope), this.#o.timeoutMs)
  }

  #stray(wal: Wal, entry: Entry): void {
    if (this.#onStray !== undefined) return this.#onStray(entry.position, entry.records, entry.envelope)
    this.#strays.push(entry)
    this.#strayBytes += entry.envelope.length
    if (this.#strayBytes <= this.#o.recoveryBytes) return
    this.#o.warn(`Log '${wal.name}' is still written to: it is left to the next core`)
    this.#old = this.#old.filter(old => old.wal !== wal)
    void this.#consumer?.unsubscribe(wal.name)
  }

  #seal({ name }: Wal): Promise<void> {
    const seal = frameSeal(this.#o.name)
    return this.#insist(`Log '${name}' cannot be sealed`, () => this.#o.send(name, seal))
  }

  async #insist(what: string, call: () => Promise<void>): Promise<void> {
    const end = Date.now() + this.#o.timeoutMs
    for (;;) {
      try {
        return await call()
      } catch (error) {
        const reason = (error as Error).message
        if (this.#closed || Date.now() > end) throw new Error(`${what}: ${reason}`, { cause: error })
        this.#o.warn(reason)
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  async #stopListening(): Promise<void> {
    this.#listened = true
    await this.#consumer?.close()
    this.#consumer = undefined
    this.#finish()
  }

  /** A log is finished when nothing of it is needed and nobody can still be writing to it. Its lite topic expires by itself. */
  #finish(): void {
    if (!this.#listened) return
    for (const { wal, covered } of this.#old) if (covered) this.#o.marks.finished(wal.name)
    this.#old = this.#old.filter(old => !old.covered)
    this.#o.stats.nowUnfinished = this.#old.length
  }
}
