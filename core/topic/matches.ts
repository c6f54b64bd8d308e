/** One filter against one topic, without a tree. Keeps nothing. */

const PLUS = 0x2b
const HASH = 0x23
const DOLLAR = 0x24

/**
 * Whether a valid, not shared filter matches a topic name. '#' also matches its parent level [MQTT-4.7.1-2 note];
 * a leading wildcard never matches a topic that starts with '$' [MQTT-4.7.2-1].
 */
export function matches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) return false
  let f = 0
  let t = 0
  for (;;) {
    const c = filter.charCodeAt(f)
    if (c === HASH) return true
    const topicEnd = levelEnd(topic, t)
    const filterEnd = levelEnd(filter, f)
    if (c !== PLUS && !sameRange(filter, f, filterEnd, topic, t, topicEnd)) return false
    if (topicEnd === topic.length) return filterEnd === filter.length || isParentHash(filter, filterEnd)
    if (filterEnd === filter.length) return false
    f = filterEnd + 1
    t = topicEnd + 1
  }
}

function levelEnd(text: string, start: number): number {
  const end = text.indexOf('/', start)
  return end < 0 ? text.length : end
}

function sameRange(a: string, aStart: number, aEnd: number, b: string, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a.charCodeAt(i) !== b.charCodeAt(j)) return false
  return true
}

const isParentHash = (filter: string, slash: number): boolean =>
  slash + 2 === filter.length && filter.charCodeAt(slash + 1) === HASH
