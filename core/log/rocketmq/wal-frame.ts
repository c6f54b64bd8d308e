/** The messages of a log as bytes: envelopes, cut into pieces where they are large, and seals. Owns the layout; knows neither positions' meaning nor RocketMQ. */
import { ByteReader, ByteWriter } from '../../contract/codec.ts'

/**
 *     version (1) | 1 | piece*        piece = position, records, bytes of the whole envelope, where this begins in it, the bytes
 *     version (1) | 2 | who sealed it
 */
const VERSION = 1
const PIECES = 1
const SEAL = 2
/** Five numbers of at most 8 bytes. */
const PIECE_HEAD_BYTES = 40

export interface Entry {
  readonly position: number
  readonly records: number
  readonly envelope: Uint8Array
}

export interface Piece {
  readonly position: number
  readonly records: number
  readonly total: number
  readonly start: number
  readonly bytes: Uint8Array
}

export interface Body {
  readonly bytes: Uint8Array
  /** Positions of the envelopes that begin in it. */
  readonly begins: readonly number[]
}

/** Bodies of at most `bodyBytes` and the head of a piece, in order. */
export function frame(entries: readonly Entry[], bodyBytes: number): Body[] {
  const bodies: Body[] = []
  const left = entries.reduce((sum, e) => sum + e.envelope.length + PIECE_HEAD_BYTES, 2)
  const w = new ByteWriter(Math.min(left, bodyBytes + PIECE_HEAD_BYTES))
  let begins: number[] = []
  const flush = () => {
    bodies.push({ bytes: w.copy(), begins })
    w.clear()
    begins = []
  }
  for (const { position, records, envelope } of entries) {
    for (let start = 0; ; ) {
      if (w.length === 0) {
        w.u8(VERSION)
        w.u8(PIECES)
      }
      const end = Math.min(envelope.length, start + Math.max(1, bodyBytes - w.length))
      if (start === 0) begins.push(position)
      w.varint(position)
      w.varint(records)
      w.varint(envelope.length)
      w.varint(start)
      w.blob(envelope.subarray(start, end))
      if (w.length >= bodyBytes) flush()
      if (end === envelope.length) break
      start = end
    }
  }
  if (w.length > 0) flush()
  return bodies
}

export function frameSeal(by: string): Uint8Array {
  const w = new ByteWriter()
  w.u8(VERSION)
  w.u8(SEAL)
  w.text(by)
  return w.copy()
}

export interface FrameVisitor {
  piece(piece: Piece): void
  seal(by: string): void
}

/** Bytes of pieces are views. @throws RangeError if it is damaged. */
export function readFrame(body: Uint8Array, visit: FrameVisitor): void {
  const r = new ByteReader(body)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`A message of the log has version ${version}`)
  const kind = r.u8()
  if (kind === SEAL) return visit.seal(r.text())
  if (kind !== PIECES) throw new RangeError(`A message of the log is of unknown kind ${kind}`)
  while (!r.done) {
    const position = r.varint()
    const records = r.varint()
    const total = r.varint()
    const start = r.varint()
    visit.piece({ position, records, total, start, bytes: r.blob() })
  }
}

/** Envelopes from pieces. A piece that comes twice is taken once; an envelope that never becomes whole was never committed. */
export class Assembler {
  #entry: Entry | undefined
  #length = 0

  /** The envelope that this piece completes. */
  take(piece: Piece): Entry | undefined {
    const { position, records, total, start, bytes } = piece
    if (bytes.length === total) return { position, records, envelope: bytes }
    if (this.#entry?.position !== position) {
      this.#entry = { position, records, envelope: new Uint8Array(total) }
      this.#length = 0
    }
    if (start !== this.#length) return undefined
    this.#entry.envelope.set(bytes, start)
    this.#length += bytes.length
    if (this.#length < total) return undefined
    const whole = this.#entry
    this.#entry = undefined
    return whole
  }
}
