/** Reads what an index in Redis names, page by page. Decodes nothing. */
import { type Driver, type Reply, textOf } from './driver.ts'
import type { KeyForm } from './keys.ts'

const PAGE_MEMBERS = 1000
const PAGE_BYTES = 512 * 1024

/** Member and value of its key, in the order of the index: at most a page ahead of whoever asks. Throws RedisError. */
export async function* pages(
  driver: Driver,
  index: string,
  { before, after }: KeyForm,
  read: 'GET' | 'HGETALL',
): AsyncGenerator<[string, Reply]> {
  const page = (from: string) => driver.run('page', [index], [from, PAGE_MEMBERS, PAGE_BYTES, before, after, read])
  let next = page('-')
  for (;;) {
    const replies = await next
    if (replies.length === 0) return
    const last = textOf(replies.at(-2))
    next = page(`(${last}`)
    // Whoever asks may stop asking.
    next.catch(() => {})
    for (let i = 0; i < replies.length; i += 2) yield [textOf(replies[i]), replies[i + 1]!]
  }
}
