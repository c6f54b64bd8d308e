/**
 * Memory for encoded packets: runs carved from slabs, because one typed array of more than 64 bytes costs V8 some 0.8 µs and a
 * view on a slab 0.04 µs. Slabs are small, since a frame that waits in a queue keeps its whole slab alive.
 */
const SLAB_BYTES = 16 * 1024
const LARGEST_RUN_BYTES = SLAB_BYTES / 8

let slab = new ArrayBuffer(SLAB_BYTES)
let used = 0

/** `size` zero bytes that nobody else holds. */
export function carve(size: number): Uint8Array {
  if (size > LARGEST_RUN_BYTES) return new Uint8Array(size)
  if (used + size > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    used = 0
  }
  const run = new Uint8Array(slab, used, size)
  used += size
  return run
}
