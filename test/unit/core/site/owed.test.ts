/** Owed: since when a session has gone on without what another site has of it. */
import { expect, test } from 'vitest'
import {
  type ClientKey,
  DEFAULT_TENANT,
  type Incarnation,
  NO_CLIENT,
  type TopicName,
} from '../../../../core/contract/ids.ts'
import { Message, NEVER, NO_BYTES } from '../../../../core/contract/message.ts'
import { Owed } from '../../../../core/site/owed.ts'
import type { Directory } from '../../../../core/site/port.ts'
import { Recent } from '../../../../core/site/recent.ts'

const CLIENT = 'default:a' as ClientKey
const message = new Message('eu-1' as Incarnation, 1, {
  tenant: DEFAULT_TENANT,
  topic: 't' as TopicName,
  qos: 1,
  payload: NO_BYTES,
  retain: false,
  target: NO_CLIENT,
  props: NO_BYTES,
  expiresAt: NEVER,
  sender: NO_CLIENT,
})

test.each([
  ['was here all the time: it has had that', false],
  ['was gone: it has not', true],
])('something came while the site owed something, and the session %s', (_, wasGone) => {
  const recent = new Recent(10)
  const owed = new Owed({ directory: {} as Directory, recent })
  const follows = (inflight: readonly number[]) => {
    const { since, known } = owed.follows(CLIENT, 'us', recent.begin(), inflight)
    recent.end()
    return { since: since!, known: [...known] }
  }
  follows([1])
  recent.note(message)
  if (wasGone) owed.anew(CLIENT)
  const { since, known } = follows([2])
  expect(recent.has(message, since, CLIENT)).toBe(!wasGone)
  expect(known).toEqual(wasGone ? [2] : [1, 2])
  owed.drop(CLIENT, 'us')
  expect(recent.active).toBe(false)
})
