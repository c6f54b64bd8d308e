/** Judges retained messages against what was published last. Pure. */
import type { HistoryEvent } from './history.ts'
import { listed } from './words.ts'

/**
 * Last value by topic after these events, given what was there before; an empty payload deletes. One client publishes each
 * topic, and all of it was acknowledged.
 */
export function keptAfter(before: ReadonlyMap<string, string>, events: readonly HistoryEvent[]): Map<string, string> {
  const kept = new Map(before)
  for (const event of events) {
    if (event.is !== 'sent' || !event.retain || event.dup) continue
    if (event.payload === '') kept.delete(event.topic)
    else kept.set(event.topic, event.payload)
  }
  return kept
}

/** `where` names the edge that was asked. */
export function checkRetained(
  kept: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  where: string,
): string[] {
  const wrong: string[] = []
  for (const [topic, value] of kept) {
    if (found.get(topic) !== value) wrong.push(`${topic} is '${found.get(topic) ?? ''}' instead of '${value}'`)
  }
  for (const topic of found.keys()) if (!kept.has(topic)) wrong.push(`${topic} was deleted and is there`)
  return wrong.length === 0 ? [] : [`Retained at ${where}: ${listed(wrong)}`]
}
