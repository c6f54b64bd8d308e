/** The settings in force as they may be logged: secrets are replaced. */

const SECRET_NAME = /(password|passphrase|secret|token|credentials?)$/i
const REDACTED = '[redacted]'

/** A copy of `value` with every secret replaced: keys that name one, and user names and passwords inside URLs. */
export function describe(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(describe)
  if (typeof value === 'string') return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/i, `$1${REDACTED}@`)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_NAME.test(key) && typeof inner !== 'boolean' ? REDACTED : describe(inner),
    ]),
  )
}
