/** Random numbers that come again with their seed. Pure. */

/** Numbers in [0, 1) from a 32-bit seed (a multiply-and-shift generator; good enough to choose moments). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const mixed = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
