/**
 * Topic names from bytes. Keeps the strings of short topics seen lately, so that a PUBLISH to a known topic makes no new string
 * (and the string's hash is there already for the maps behind). Bound: SLOTS strings of at most SLOT_BYTES bytes, 5 MiB in all.
 *
 *   hash of the bytes → slot → same length, same bytes? → the string, checked when it was stored
 */
import type { TopicName } from '../../core/contract/ids.ts'
import { Malformed, malformed } from './malformed.ts'
import { Reason } from './reason.ts'
import { readUtf8 } from './utf8.ts'

const SLOT_BITS = 14
const SLOTS = 1 << SLOT_BITS
const SLOT_BYTES = 128

const keys = new Uint8Array(SLOTS * SLOT_BYTES)
/** 0: the slot is empty. */
const lengths = new Uint8Array(SLOTS)
const strings: TopicName[] = new Array<TopicName>(SLOTS).fill('' as TopicName)

/**
 * The topic name between `at` and `end` (not empty). Raises `Malformed`: 0x81 if it is not UTF-8 or holds U+0000
 * [MQTT-1.5.4-1, -2], 0x90 if it has a wildcard [MQTT-3.3.2-2].
 */
export function topicName(bytes: Uint8Array, at: number, end: number): TopicName {
  const length = end - at
  if (length > SLOT_BYTES) return checked(bytes, at, end)
  let hash = 0x811c9dc5
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  const slot = hash >>> (32 - SLOT_BITS)
  const key = slot * SLOT_BYTES
  if (lengths[slot] === length) {
    let i = 0
    while (i < length && keys[key + i] === bytes[at + i]) i++
    if (i === length) return strings[slot]!
  }
  const topic = checked(bytes, at, end)
  for (let i = 0; i < length; i++) keys[key + i] = bytes[at + i]!
  lengths[slot] = length
  strings[slot] = topic
  return topic
}

function checked(bytes: Uint8Array, at: number, end: number): TopicName {
  const topic = readUtf8(bytes, at, end) ?? malformed('Topic name is not UTF-8 or holds U+0000')
  if (hasWildcard(topic))
    throw new Malformed(Reason.TopicNameInvalid, `Topic name '${topic.slice(0, 100)}' has a wildcard`)
  return topic as TopicName
}

export const hasWildcard = (topic: string): boolean => topic.includes('+') || topic.includes('#')
