/** Base64 against the runtime's own. */
import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../../../../core/state/redis/base64.ts'

test.each([0, 1, 2, 3, 255, 8191, 8192, 8193, 100_000])('%d bytes there and back', length => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8)) & 255)
  const text = toBase64(bytes)
  expect(text).toBe(Buffer.from(bytes).toString('base64'))
  expect(Buffer.from(fromBase64(text)).equals(Buffer.from(bytes))).toBe(true)
})
