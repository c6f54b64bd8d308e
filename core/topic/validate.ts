/** The grammar of topic names and topic filters: checks, and the `$share` and `$p2p` prefixes. Keeps nothing and knows no session. */
import type { ClientId, TopicFilter, TopicName } from '../contract/ids.ts'

export { matches } from './matches.ts'

/** The part of `Limits` that bounds a topic. Levels are what '/' separates: 'a/b' has 2, '/' has 2. */
export interface TopicLimits {
  readonly maxTopicBytes: number
  readonly maxTopicLevels: number
}

export interface Share {
  readonly group: string
  /** The filter behind the group; valid if the shared filter was. */
  readonly filter: TopicFilter
}

export interface P2p {
  readonly clientId: ClientId
  /** What follows the client id; never empty. */
  readonly topic: TopicName
}

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const SHARE = '$share/'
const P2P = '$p2p/'
/** UTF-16 units of a topic that an error text repeats. */
const SHOWN_UNITS = 80

/**
 * Why `topic` cannot be a topic name, or undefined if it can: it is empty [MQTT-4.7.3-1], has a wildcard
 * [MQTT-3.3.2-2] or breaks a limit. UTF-8 and NUL are the decoder's business.
 */
export function checkTopicName(topic: string, limits: TopicLimits): string | undefined {
  if (topic.length === 0) return 'Topic name is empty'
  let levels = 1
  for (let i = 0; i < topic.length; i++) {
    const c = topic.charCodeAt(i)
    if (c === SLASH) levels++
    else if (c === PLUS || c === HASH) return `Topic name ${quoted(topic)} has the wildcard '${topic[i]}'`
  }
  return checkSize('Topic name', topic, levels, limits)
}

/**
 * Why `filter` cannot be a topic filter, or undefined if it can. '#' is a whole level and the last one [MQTT-4.7.1-1],
 * '+' is a whole level [MQTT-4.7.1-2], a shared filter has a group and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]. The limit
 * of bytes counts `$share/{group}/` too, the limit of levels does not.
 */
export function checkTopicFilter(filter: string, limits: TopicLimits): string | undefined {
  if (filter.length === 0) return 'Topic filter is empty'
  if (!filter.startsWith(SHARE)) return checkLevels(filter, 0, limits)
  const slash = filter.indexOf('/', SHARE.length)
  const group = filter.slice(SHARE.length, slash < 0 ? undefined : slash)
  if (group.length === 0) return `Topic filter ${quoted(filter)} has an empty share name`
  if (hasWildcard(group)) return `Topic filter ${quoted(filter)} has a wildcard in its share name`
  if (slash < 0 || slash === filter.length - 1) return `Topic filter ${quoted(filter)} has nothing after its share name`
  return checkLevels(filter, slash + 1, limits)
}

/** Group and filter of `$share/{group}/{filter}`; undefined for any other filter, also if group or filter is empty or the group has a wildcard. */
export function parseShare(filter: string): Share | undefined {
  if (!filter.startsWith(SHARE)) return undefined
  const slash = filter.indexOf('/', SHARE.length)
  if (slash <= SHARE.length || slash === filter.length - 1) return undefined
  const group = filter.slice(SHARE.length, slash)
  if (hasWildcard(group)) return undefined
  return { group, filter: filter.slice(slash + 1) as TopicFilter }
}

/** Receiver and topic of `$p2p/{clientId}/{topic}`; undefined for any other topic, also if one of the two is empty. A client id with a '/' cannot be addressed. */
export function parseP2p(topic: string): P2p | undefined {
  if (!topic.startsWith(P2P)) return undefined
  const slash = topic.indexOf('/', P2P.length)
  if (slash <= P2P.length || slash === topic.length - 1) return undefined
  return { clientId: topic.slice(P2P.length, slash) as ClientId, topic: topic.slice(slash + 1) as TopicName }
}

/** True if the filter has '+' or '#'. */
export const hasWildcard = (filter: string): boolean => filter.includes('+') || filter.includes('#')

function checkLevels(filter: string, start: number, limits: TopicLimits): string | undefined {
  let levels = 1
  for (let i = start; i < filter.length; i++) {
    const c = filter.charCodeAt(i)
    if (c === SLASH) levels++
    else if (c === PLUS || c === HASH) {
      const startsLevel = i === start || filter.charCodeAt(i - 1) === SLASH
      const endsLevel = i + 1 === filter.length || filter.charCodeAt(i + 1) === SLASH
      if (!startsLevel || !endsLevel) return `Topic filter ${quoted(filter)} has '${filter[i]}' beside other characters`
      if (c === HASH && i + 1 < filter.length) return `Topic filter ${quoted(filter)} has '#' before its last level`
    }
  }
  return checkSize('Topic filter', filter, levels, limits)
}

function checkSize(what: string, text: string, levels: number, limits: TopicLimits): string | undefined {
  if (levels > limits.maxTopicLevels) {
    return `${what} ${quoted(text)} has ${levels} levels, ${limits.maxTopicLevels} are allowed`
  }
  // A UTF-16 unit is at most three bytes of UTF-8: short texts need no counting.
  if (text.length * 3 <= limits.maxTopicBytes) return undefined
  const bytes = utf8Bytes(text)
  if (bytes <= limits.maxTopicBytes) return undefined
  return `${what} ${quoted(text)} has ${bytes} bytes, ${limits.maxTopicBytes} are allowed`
}

function utf8Bytes(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    // Each half of a surrogate pair stands for two of the pair's four bytes.
    bytes += c < 0x80 ? 1 : c < 0x800 || (c >= 0xd800 && c < 0xe000) ? 2 : 3
  }
  return bytes
}

const quoted = (text: string): string => `'${text.length > SHOWN_UNITS ? `${text.slice(0, SHOWN_UNITS)}…` : text}'`
