/**
 * One log of an earlier core, read back: from its mark to the seal, then on for strays. Says what an envelope is: part of the
 * log, known already, or appended after the log had been taken over. Positions decide; offsets only say where to begin.
 */
import type { Wal } from './registry.ts'
import { Assembler, type Entry, type Piece, readFrame } from './wal-frame.ts'
import { Offsets } from './wal-offsets.ts'
import type { WalStats } from './wal-stats.ts'

export interface ReadingOptions {
  readonly wal: Wal
  /** Of the seal that ends the log for this reader. */
  readonly seal: string
  readonly stats: WalStats
  readonly warn: (text: string) => void
  /** Begins, or begins again, at this offset. */
  readonly subscribe: (offset: number) => Promise<void>
  readonly stray: (entry: Entry) => void
}

/** A hint that leads nowhere: the lite topic has expired since, and its offsets began at 0 again. */
const LOST_MS = 5_000
const CHECK_MS = 250

export class Reading {
  /** After the highest position of the log. */
  end: number
  /** Where what comes after the seal begins. */
  sealedAt: number
  readonly offsets = new Offsets()
  readonly #o: ReadingOptions
  #assembler = new Assembler()
  /** Of what is taken as part of the log: after its highest position in this pass. */
  #at: number
  #from: number
  #sealed: boolean
  #strayEnd = 0
  #strayAssembler = new Assembler()
  #heardAt = 0
  /** The rest of a message that made it begin anew. */
  #ignores = false
  #visit: ((entry: Entry) => void) | undefined
  #finish: ((error?: Error) => void) | undefined

  constructor(options: ReadingOptions) {
    const { position, offset, sealed } = options.wal
    this.#o = options
    this.end = position
    this.sealedAt = offset
    this.#at = position
    this.#from = offset
    this.#sealed = sealed
  }

  /** Reads up to the seal. May be called again. @throws RangeError if a message cannot be read; Error after `timeoutMs` of silence. */
  async read(visit: (entry: Entry) => void, timeoutMs: number): Promise<void> {
    const { wal, subscribe } = this.#o
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#finish = error => (error === undefined ? resolve() : reject(error))
    this.#begin(visit, this.#from)
    const check = setInterval(() => {
      const silence = Date.now() - this.#heardAt
      if (silence > timeoutMs)
        this.#finish?.(new Error(`Log '${wal.name}' cannot be read: nothing came for ${timeoutMs} ms`))
      else if (silence > LOST_MS && this.#from > 0) this.#restart()
    }, CHECK_MS)
    try {
      await subscribe(this.#from)
      await promise
    } finally {
      clearInterval(check)
      this.#finish = undefined
      this.#visit = undefined
    }
  }

  /** Only strays, from the mark on. */
  async listen(): Promise<void> {
    await this.#o.subscribe(this.#o.wal.offset)
  }

  take(offset: number, body: Uint8Array): void {
    this.#heardAt = Date.now()
    this.#ignores = false
    try {
      readFrame(body, { piece: piece => this.#piece(piece, offset), seal: by => this.#seal(by, offset) })
    } catch (error) {
      const reason = `Message ${offset} of log '${this.#o.wal.name}' cannot be read: ${(error as Error).message}`
      if (this.#finish === undefined) this.#o.warn(reason)
      else this.#finish(new RangeError(reason))
    }
  }

  #begin(visit: (entry: Entry) => void, offset: number): void {
    this.#visit = visit
    this.#from = offset
    this.#at = this.#o.wal.position
    this.#sealed = this.#o.wal.sealed
    this.#assembler = new Assembler()
    this.#heardAt = Date.now()
  }

  #restart(): void {
    if (this.#visit === undefined) return
    const { wal, warn, subscribe } = this.#o
    warn(`Log '${wal.name}' is not at offset ${this.#from} any more: reading all of it`)
    this.#begin(this.#visit, 0)
    this.#ignores = true
    subscribe(0).catch(error => this.#finish?.(error as Error))
  }

  #seal(by: string, offset: number): void {
    if (!this.#sealed) {
      this.#sealed = true
      this.#strayEnd = Math.max(this.#strayEnd, this.#at)
    }
    if (by !== this.#o.seal) return
    this.sealedAt = offset + 1
    this.#finish?.()
  }

  #piece(piece: Piece, offset: number): void {
    if (this.#ignores) return
    if (this.#sealed) return this.#strayPiece(piece)
    const { stats } = this.#o
    const { position, start } = piece
    if (position < this.#at) {
      if (start === 0 && position >= this.#o.wal.position) stats.duplicates++
      return
    }
    if (position > this.#at && this.#o.wal.position === this.#at && this.#from > 0) return this.#restart()
    if (start === 0) this.offsets.add(position, offset)
    const entry = this.#assembler.take(piece)
    if (entry === undefined) return
    if (position > this.#at && this.#at > this.#o.wal.position) {
      stats.gaps++
      this.#o.warn(`Log '${this.#o.wal.name}' has nothing between positions ${this.#at} and ${position}`)
    }
    this.#at = position + entry.records
    this.end = Math.max(this.end, this.#at)
    this.#visit?.(entry)
  }

  #strayPiece(piece: Piece): void {
    // An append that was tried again before the seal may arrive once more after it.
    if (piece.position < Math.max(this.end, this.#strayEnd)) return
    const entry = this.#strayAssembler.take(piece)
    if (entry === undefined) return
    this.#strayEnd = piece.position + entry.records
    this.#o.stats.strays++
    this.#o.stray(entry)
  }
}
