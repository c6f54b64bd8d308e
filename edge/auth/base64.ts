/** Bytes as base64 and back, with or without padding, strict. */

/** Undefined for anything that is no base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** As the PHC string format wants it: without padding. */
export const toBase64Bare = (bytes: Uint8Array): string => toBase64(bytes).replace(/=+$/, '')
