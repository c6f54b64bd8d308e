/** Base64 on every runtime. Knows nothing of what is encoded. */

/** [TC39 proposal-arraybuffer-base64]; newer runtimes have it. */
interface NativeEncode {
  toBase64?(): string
}
interface NativeDecode {
  fromBase64?(text: string): Uint8Array
}

/** Arguments that a call may have. */
const STEP_BYTES = 8192

export function toBase64(bytes: Uint8Array): string {
  const native = (bytes as NativeEncode).toBase64?.()
  if (native !== undefined) return native
  let binary = ''
  for (let at = 0; at < bytes.length; at += STEP_BYTES)
    binary += String.fromCharCode(...bytes.subarray(at, at + STEP_BYTES))
  return btoa(binary)
}

/** Throws on text that is no base64. */
export function fromBase64(text: string): Uint8Array {
  const native = (Uint8Array as NativeDecode).fromBase64?.(text)
  if (native !== undefined) return native
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
