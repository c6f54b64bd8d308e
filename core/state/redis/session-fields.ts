/** A session as the fields of its hash in Redis. Owns the names of the fields; the bytes in them are `record.ts`'s. */
import type { ClientKey, TopicFilter } from '../../contract/ids.ts'
import type { Foreign } from '../../site/port.ts'
import type { SessionRecord, StoredSubscription } from '../port.ts'
import { decodeSession, decodeSubscription } from '../record.ts'
import { bytesOf, type Reply, textOf } from './driver.ts'

const SUBSCRIPTION = 'sub:'

/** Undefined if there is no record among them. Throws RangeError on bytes of another version. */
export function sessionOf(client: ClientKey, fields: readonly Reply[]): Foreign | undefined {
  let record: SessionRecord | undefined
  const subscriptions: StoredSubscription[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = textOf(fields[i])
    const value = fields[i + 1]
    if (name === 'record') record = decodeSession(client, bytesOf(value)!)
    else if (name.startsWith(SUBSCRIPTION))
      subscriptions.push(decodeSubscription(name.slice(SUBSCRIPTION.length) as TopicFilter, bytesOf(value)!))
  }
  return record === undefined ? undefined : { record, subscriptions }
}
