/** One message of an inbox's lite topic as bytes: the entries that were put while the one before it was on its way. Owns the layout, not what becomes of the entries. */
import { ByteReader, ByteWriter } from '../../contract/codec.ts'
import type { ClientKey } from '../../contract/ids.ts'

/** Chunks of one inbox are appended one after the other, so their ids grow with their offsets: `life` of the store that wrote it, then its number there. */
export interface ChunkId {
  readonly life: number
  readonly seq: number
}

export const isBefore = (a: ChunkId, b: ChunkId): boolean => a.life < b.life || (a.life === b.life && a.seq < b.seq)
export const isSame = (a: ChunkId, b: ChunkId): boolean => a.life === b.life && a.seq === b.seq

/** An entry whose message is encoded (`encodeMessage`). */
export interface ChunkEntry {
  readonly position: number
  /** ms since the epoch. */
  readonly at: number
  /** What it counts for the bounds of the inbox. */
  readonly bytes: number
  readonly data: Uint8Array
}

/** Without entries it only says that everything before it has been read. */
export interface ChunkContent extends ChunkId {
  /** Whose inbox it is: a lite topic's name holds a hash of it only. */
  readonly client: ClientKey
  readonly entries: readonly ChunkEntry[]
}

const VERSION = 1
/** Beyond its data, an entry takes at most so much. */
export const ENTRY_OVERHEAD_BYTES = 32
const scratch = new ByteWriter(64 * 1024)

/** Bytes of their own. */
export function encodeChunk(client: ClientKey, id: ChunkId, entries: readonly ChunkEntry[]): Uint8Array {
  const w = scratch
  w.clear()
  w.u8(VERSION)
  w.text(client)
  w.varint(id.life)
  w.varint(id.seq)
  w.varint(entries.length)
  for (const { position, at, bytes, data } of entries) {
    writeSigned(w, position)
    w.varint(Math.max(0, Math.floor(at)))
    w.varint(bytes)
    w.blob(data)
  }
  const body = w.copy()
  if (w.bytes.length > 1 << 20) w.bytes = new Uint8Array(64 * 1024)
  return body
}

/** The data of the entries are views on `body`. Throws RangeError on bytes that are no chunk. */
export function decodeChunk(body: Uint8Array): ChunkContent {
  const r = new ByteReader(body)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`Chunk of an inbox has version ${version}, expected ${VERSION}`)
  const client = r.text() as ClientKey
  const life = r.varint()
  const seq = r.varint()
  const entries: ChunkEntry[] = []
  for (let left = r.varint(); left > 0; left--)
    entries.push({ position: readSigned(r), at: r.varint(), bytes: r.varint(), data: r.blob() })
  return { client, life, seq, entries }
}

/** From -(2^53 - 1) to 2^53 - 1. */
export function writeSigned(w: ByteWriter, value: number): void {
  w.u8(value < 0 ? 1 : 0)
  w.varint(Math.abs(value))
}

export function readSigned(r: ByteReader): number {
  const isNegative = r.u8() === 1
  const value = r.varint()
  return isNegative ? -value : value
}
