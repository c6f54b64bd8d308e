/** What Redis tells of other sites: how their leases stand, and what they have left. Writes nothing. */
import { decodeMessage } from '../../contract/codec.ts'
import type { ClientKey } from '../../contract/ids.ts'
import type { Message } from '../../contract/message.ts'
import type { Seen, SiteName, SiteWatch } from '../../site/port.ts'
import type { SessionRecord } from '../port.ts'
import { bytesOf, type Driver, listOf, numberOf, textOf } from './driver.ts'
import type { Keys } from './keys.ts'
import { pages } from './pages.ts'
import { sessionOf } from './session-fields.ts'
import { retainedBytes } from './staged.ts'

export interface RedisWatchOptions {
  readonly driver: Driver
  /** Of our own site. */
  readonly keys: Keys
  /** The others. */
  readonly sites: readonly SiteName[]
  /** ms since the epoch. */
  readonly now: () => number
}

export class RedisWatch implements SiteWatch {
  readonly #o: RedisWatchOptions

  constructor(options: RedisWatchOptions) {
    this.#o = options
  }

  async look(): Promise<readonly Seen[]> {
    const { driver, keys, sites, now } = this.#o
    const names = sites.map(site => keys.of(site).lease)
    const replies = await driver.run('leases', names, [])
    // What the answer took on its way is small beside what leases and wills are about.
    const ours = now() - numberOf(replies.at(-1))
    return sites.map((site, i) => {
      const [expired, ahead] = listOf(replies[i])
      const ms = textOf(expired) === '' ? -1 : numberOf(expired)
      return { site, expiredMs: ms < 0 ? undefined : ms, aheadMs: numberOf(ahead) - ours }
    })
  }

  async *willed(site: SiteName): AsyncGenerator<SessionRecord> {
    const { wills, session } = this.#o.keys.of(site)
    for await (const [client, value] of pages(this.#o.driver, wills, session, 'HGETALL')) {
      const found = sessionOf(client as ClientKey, listOf(value))
      if (found !== undefined) yield found.record
    }
  }

  async *retained(site: SiteName): AsyncGenerator<Message> {
    const { retained, retainedMessage } = this.#o.keys.of(site)
    for await (const [topic, value] of pages(this.#o.driver, retained, retainedMessage, 'GET')) {
      const bytes = bytesOf(value)
      if (bytes !== undefined) yield decodeMessage(retainedBytes(topic, bytes))
    }
  }
}
