/** State URLs: what is understood, and that no secret is ever shown. */
import { expect, test } from 'vitest'
import { addressOf } from '../../../../../core/state/redis/address.ts'

test.each([
  ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379', 'tcp'],
  ['rediss://user:secret@redis.example:6380/2', 'rediss://redis.example:6380/2', 'tcp'],
  ['redis://:secret@[::1]:6379/', 'redis://[::1]:6379', 'tcp'],
  ['upstash+https://eu1.example?token=secret', 'upstash+https://eu1.example', 'rest'],
  ['upstash+http://127.0.0.1:8079/?token=secret', 'upstash+http://127.0.0.1:8079', 'rest'],
])('%s', (url, shown, is) => {
  const address = addressOf(url)
  expect(address).toMatchObject({ is, shown })
  if (address.is === 'rest') {
    expect(address.url).toBe(shown.slice('upstash+'.length))
    expect(address.token).toBe('secret')
  } else expect(address.url).toContain(new URL(url).password)
})

test.each([
  ['', 'is no URL'],
  ['127.0.0.1:6379', 'is no URL'],
  ['http://:secret@127.0.0.1:8079', "begins with 'http:'"],
  ['upstash+redis://:secret@127.0.0.1:8079', "begins with 'upstash+redis:'"],
  ['upstash+https://eu1.example', 'has no token'],
  ['redis://:secret@127.0.0.1/secret', 'no database number'],
])("'%s' is refused", (url, why) => {
  let text = ''
  try {
    addressOf(url)
  } catch (error) {
    text = (error as Error).message
  }
  expect(text).toContain(why)
  if (!url.endsWith('/secret')) expect(text).not.toContain('secret')
})
