/** The settings in force as they may be logged: secrets are replaced. */

const SECRET_NAME = /(password|passphrase|secret|token|credentials?)$/i
const REDACTED = '[redacted]'

/** A copy of `value` with every secret replaced: keys that name one, and inside URLs user names, passwords and parameters that name one. */
export function describe(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(describe)
  if (typeof value === 'string') return withoutSecrets(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_NAME.test(key) && inner !== undefined && typeof inner !== 'boolean' ? REDACTED : describe(inner),
    ]),
  )
}

const URL_START = /^[a-z][a-z0-9+.-]*:\/\//i

function withoutSecrets(text: string): string {
  if (!URL_START.test(text)) return text
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s?#]+@/i, `$1${REDACTED}@`)
    .replace(/([?&][^=&#]*(?:password|passphrase|secret|token|credentials?|key)=)[^&#]*/gi, `$1${REDACTED}`)
}
