/**
 * How much memory V8 spends on new objects. It grows that space when much of it survives, as connections do, and then keeps it:
 * thousands of idle connections would cost 4 KiB each for nothing. A larger space pays only under message load, so only then
 * is it allowed to grow.
 */
import { setFlagsFromString } from 'node:v8'
import type { EdgeStats } from '../../edge/stats.ts'

const LOAD_PACKETS_PER_SECOND = 5_000

const grow = (factor: 1 | 2): void => setFlagsFromString(`--semi-space-growth-factor=${factor}`)

/** Call the result once a second. */
export function youngGeneration(): (stats: EdgeStats) => void {
  let last = 0
  grow(1)
  return stats => {
    const packets = stats.packetsIn + stats.packetsOut - (stats.connectsOk + stats.connectsRefused) * 2
    if (packets - last > LOAD_PACKETS_PER_SECOND) grow(2)
    last = packets
  }
}
