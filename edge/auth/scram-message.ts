/** The texts of a SCRAM exchange (RFC 5802, 7) as values. Does no cryptography. */

export interface ClientFirst {
  /** As sent, `n,,`: the client's last message repeats it. */
  readonly gs2Header: string
  readonly username: string
  readonly nonce: string
  /** The message without its header: part of what both sides sign. */
  readonly bare: string
}

export interface ClientFinal {
  readonly gs2Header: string
  readonly nonce: string
  readonly proof: string
  /** The message up to the proof: part of what both sides sign. */
  readonly withoutProof: string
}

const MAX_NONCE = 512

/** Undefined for a message that is malformed, asks for channel binding, another identity or a mandatory extension. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  // "n" and "y": no channel binding; what stands between the commas would be another identity.
  const header = /^[ny],(a=([^,]*))?,/.exec(text)
  if (!header || header[2]) return undefined
  const bare = text.slice(header[0].length)
  const parts = /^n=([^,]+),r=([!-+\--~]+)(,[a-zA-Z]=[^,]*)*$/.exec(bare)
  if (!parts || parts[2]!.length > MAX_NONCE) return undefined
  const username = unescapeName(parts[1]!)
  const prepared = username === undefined ? undefined : prepare(username)
  return prepared ? { gs2Header: header[0], username: prepared, nonce: parts[2]!, bare } : undefined
}

export function parseClientFinal(text: string): ClientFinal | undefined {
  const parts = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[a-zA-Z]=[^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(text)
  if (!parts) return undefined
  const [, withoutProof, binding, nonce, proof] = parts as unknown as [string, string, string, string, string]
  try {
    return { gs2Header: atob(binding), nonce, proof, withoutProof }
  } catch {
    return undefined
  }
}

/** `=2C` is a comma, `=3D` an equals sign; any other `=` is malformed. */
function unescapeName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/**
 * A name or password as both sides compare it (SASLprep, RFC 4013, in its effect on assigned characters): other spaces
 * become a space, invisible characters go, compatibility forms are unified. Undefined if control characters are in it.
 */
export function prepare(text: string): string | undefined {
  const prepared = text
    .replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFKC')
  return /[\p{Cc}\p{Cs}\p{Co}\ufffd]/u.test(prepared) ? undefined : prepared
}
