/** Raw bytes of a row's parts: what mqtt-packet refuses to write. Pure. */
import type { Part } from './row.ts'

/** The variable byte integer of `value` [MQTT-1.5.5-1]. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return Buffer.from(bytes)
}

/** Bytes of the parts; `fill` replaces the row's placeholders. Throws on hex that is none. */
export function bytesOf(parts: readonly Part[], fill: (text: string) => string): Buffer {
  return Buffer.concat(
    parts.map(part => {
      if (typeof part === 'string') return hex(part)
      if ('text' in part) {
        const bytes = Buffer.from(fill(part.text), 'utf8')
        return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
      }
      const body = bytesOf('sized' in part ? part.sized : part.parts, fill)
      const head = 'head' in part ? [part.head] : []
      return Buffer.concat([Buffer.from(head), varint(body.length), body])
    }),
  )
}

function hex(digits: string): Buffer {
  const compact = digits.replaceAll(/\s/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(compact)) throw new Error(`Hex '${digits}' is not pairs of hex digits`)
  return Buffer.from(compact, 'hex')
}
