/** What the record of a session keeps of its inbox: where the lite topic is to be read from, and what is behind that point but consumed. Owns the layout. */
import { ByteReader, ByteWriter } from '../../contract/codec.ts'
import { type ChunkId, readSigned, writeSigned } from './inbox-chunk.ts'

/** Consumed entries of a chunk, by index; undefined: all of them. */
export interface GoneChunk extends ChunkId {
  readonly indexes: readonly number[] | undefined
}

export interface InboxMark {
  /** Of the store that wrote the mark. The next one's is larger. */
  readonly life: number
  /** Of the lite topic. */
  readonly name: string
  /** Where the first chunk with an entry that is not consumed may begin: never behind it. */
  readonly cursor: number
  /** The last chunk before the cursor. */
  readonly passed: ChunkId
  /** Highest position given out. */
  readonly last: number
  /** Of what is not consumed. 0: the inbox is empty. */
  readonly count: number
  readonly bytes: number
  readonly qos0: number
  /** Behind the cursor. */
  readonly gone: readonly GoneChunk[]
}

const VERSION = 1

export function encodeMark(mark: InboxMark): Uint8Array {
  const w = new ByteWriter(96)
  w.u8(VERSION)
  w.varint(mark.life)
  w.text(mark.name)
  w.varint(mark.cursor)
  w.varint(mark.passed.life)
  w.varint(mark.passed.seq)
  writeSigned(w, mark.last)
  w.varint(mark.count)
  w.varint(mark.bytes)
  w.varint(mark.qos0)
  w.varint(mark.gone.length)
  let previous: ChunkId = mark.passed
  for (const { life, seq, indexes } of mark.gone) {
    // The number is told from the chunk before it, or from 0 in another life.
    w.varint(life - previous.life)
    w.varint(life === previous.life ? seq - previous.seq : seq)
    w.varint(indexes?.length ?? 0)
    for (const index of indexes ?? []) w.varint(index)
    previous = { life, seq }
  }
  return w.copy()
}

/** Throws RangeError on bytes that are no mark. */
export function decodeMark(bytes: Uint8Array): InboxMark {
  const r = new ByteReader(bytes)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`Mark of an inbox has version ${version}, expected ${VERSION}`)
  const life = r.varint()
  const name = r.text()
  const cursor = r.varint()
  const passed = { life: r.varint(), seq: r.varint() }
  const last = readSigned(r)
  const count = r.varint()
  const sum = { bytes: r.varint(), qos0: r.varint() }
  const gone: GoneChunk[] = []
  let previous: ChunkId = passed
  for (let left = r.varint(); left > 0; left--) {
    const later = r.varint()
    const seq = r.varint() + (later === 0 ? previous.seq : 0)
    const indexes: number[] = []
    for (let n = r.varint(); n > 0; n--) indexes.push(r.varint())
    previous = { life: previous.life + later, seq }
    gone.push({ ...previous, indexes: indexes.length === 0 ? undefined : indexes })
  }
  return { life, name, cursor, passed, last, count, ...sum, gone }
}
