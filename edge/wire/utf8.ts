/** MQTT's strict UTF-8 strings [MQTT-1.5.4-1, -2, -3]: checking, reading and writing. Knows nothing of packets. */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** True if the bytes from `at` to `end` are well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. U+0000 is allowed. */
export function isUtf8(bytes: Uint8Array, at = 0, end = bytes.length): boolean {
  while (at < end) {
    const lead = bytes[at++]!
    if (lead < 0x80) continue
    if (lead < 0xc2 || lead > 0xf4) return false
    if (at >= end) return false
    const second = bytes[at++]!
    if (lead < 0xe0) {
      if (second >> 6 !== 2) return false
      continue
    }
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < least || second > most) return false
    for (let more = lead < 0xf0 ? 1 : 2; more > 0; more--) {
      if (at >= end || bytes[at++]! >> 6 !== 2) return false
    }
  }
  return true
}

/** True if there is no U+0000 between `at` and `end` [MQTT-1.5.4-2]. */
export function hasNoNul(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (bytes[i] === 0) return false
  return true
}

/** The string, or undefined if the bytes are not UTF-8 or hold U+0000. A byte order mark is kept as U+FEFF [MQTT-1.5.4-3]. */
export function readUtf8(bytes: Uint8Array, at: number, end: number): string | undefined {
  if (!hasNoNul(bytes, at, end)) return undefined
  try {
    return decoder.decode(bytes.subarray(at, end))
  } catch {
    return undefined
  }
}

/** How many bytes `text` has in UTF-8; a lone surrogate counts as U+FFFD, as `writeUtf8` writes it. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    if (code < 0x800) length += 1
    else {
      length += 2
      if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++
    }
  }
  return length
}

/** Writes `text` at `at`; the caller has made room for `utf8Length(text)` bytes. Returns the position after it. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return at + i + encoder.encodeInto(text.slice(i), bytes.subarray(at + i)).written
    bytes[at + i] = code
  }
  return at + length
}
