/** Judges what subscribers took over against what publishers had acknowledged: losses, QoS 2 duplicates, order, strangers. Pure. */
import { type EventOf, eventsOf, type HistoryEvent, roundOf, type Subscription } from './history.ts'
import { listed } from './words.ts'

interface Published {
  readonly publisher: string
  readonly qos: 0 | 1 | 2
  readonly topic: string
  /** Place among all first sends: what one publisher sends on one topic has to arrive in this order. */
  readonly place: number
  acknowledged: boolean
  readonly sentAt: number
  /** Where its publisher was connected when it was sent first, and when it was acknowledged. */
  readonly sentTo: string
  edge: string
}

type Received = EventOf<'received'>
type Book = ReadonlyMap<string, Published>

/** Which messages of one publisher and topic may overtake each other. */
export type Order =
  | 'kept'
  /**
   * Those of different QoS [MQTT-4.6.0-6], those that it had acknowledged at different places, those that it sent to one place and had
   * acknowledged at another (they may be at either), and those sent while the subscriber had another connection: they may wait at the
   * place of that one. With `lateFrom`, also those that a lost place had for a subscriber who
   * connected elsewhere after they were sent: they come from that moment on, when it is back.
   */
  | { readonly per: 'edge'; readonly lateFrom?: number }

/** Acknowledged messages that have not come, to a session or to any member of a group: losses, once nothing is under way. */
export const lostMessages = (events: readonly HistoryEvent[], subscriptions: readonly Subscription[]): string[] =>
  missingMessages(events, subscriptions).map(
    ({ who, missing }) => `${who} lost ${missing.length} acknowledged: ${listed(missing)}`,
  )

/** By session or group what it has not got, and whose it is. */
export function missingMessages(events: readonly HistoryEvent[], subscriptions: readonly Subscription[]): Missing[] {
  const book = published(events)
  const of = receptions(events)
  const due = acknowledgedUnder(book)
  const alone = subscriptions.filter(one => one.group === undefined).map(one => [one])
  return [...alone, ...groupsOf(subscriptions)].flatMap(members => {
    const { client = '', filter = '', group } = members[0] ?? {}
    // What its client takes for a copy of something else has not come.
    const got = new Set(members.flatMap(of).flatMap(one => (one.taken ? [one.payload] : [])))
    const missing = due(filter).filter(payload => !got.has(payload))
    const clients = members.map(one => one.client)
    return missing.length === 0 ? [] : [{ who: group === undefined ? client : `group ${group}`, clients, missing }]
  })
}

export interface Missing {
  readonly who: string
  readonly clients: readonly string[]
  /** Payloads. */
  readonly missing: readonly string[]
}

/** By client, payloads of earlier rounds that it had not got when these were judged. */
export type Owed = ReadonlyMap<string, ReadonlySet<string>>

/** What came and must not have come so, sentence by sentence. `round` is the number in the payloads of this round. */
export function wrongMessages(
  events: readonly HistoryEvent[],
  subscriptions: readonly Subscription[],
  round: number,
  owed: Owed = new Map(),
  order: Order = 'kept',
): string[] {
  const book = published(events)
  const of = receptions(events)
  const connacks = Map.groupBy(eventsOf(events, 'connack'), one => one.client)
  return subscriptions.flatMap(one => {
    const received = of(one)
    return [
      ...twice(one, received, book, owed),
      ...strange(one, received, book, round),
      ...(one.group === undefined
        ? outOfOrder(one, received, book, streamsOf(order, connacks.get(one.client) ?? []))
        : []),
    ]
  })
}

function receptions(events: readonly HistoryEvent[]): (subscription: Subscription) => Received[] {
  const received = new Map<string, Received[]>()
  for (const event of eventsOf(events, 'received')) {
    const list = received.get(event.client)
    if (list === undefined) received.set(event.client, [event])
    else list.push(event)
  }
  return ({ client, filter }) => (received.get(client) ?? []).filter(one => matches(filter, one.topic))
}

function published(events: readonly HistoryEvent[]): Map<string, Published> {
  const book = new Map<string, Published>()
  const edges = new Map<string, string>()
  for (const event of events) {
    if (event.is === 'connack') edges.set(event.client, event.edge)
    else if (event.is === 'sent' && !event.retain && !book.has(event.payload)) {
      const { client, qos, topic } = event
      book.set(event.payload, {
        publisher: client,
        qos,
        topic,
        place: book.size,
        acknowledged: false,
        sentAt: event.at,
        sentTo: edges.get(client) ?? '',
        edge: '',
      })
    } else if (event.is === 'acknowledged') {
      const message = book.get(event.payload)
      if (message === undefined) continue
      message.acknowledged = true
      message.edge = edges.get(event.client) ?? ''
    }
  }
  return book
}

function groupsOf(subscriptions: readonly Subscription[]): Subscription[][] {
  const groups = new Map<string, Subscription[]>()
  for (const one of subscriptions) {
    if (one.group === undefined) continue
    const key = `${one.group} ${one.filter}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()]
}

/** Payloads of acknowledged messages by filter. There are far fewer topics than messages. */
function acknowledgedUnder(book: Book): (filter: string) => readonly string[] {
  const topics = new Map<string, string[]>()
  for (const [payload, { topic, acknowledged }] of book) {
    if (!acknowledged) continue
    const list = topics.get(topic)
    if (list === undefined) topics.set(topic, [payload])
    else list.push(payload)
  }
  return filter => [...topics].flatMap(([topic, payloads]) => (matches(filter, topic) ? payloads : []))
}

/** A message of an earlier round that comes at QoS 2 was complete then, if it was not missing: it is one more duplicate. */
function twice({ client }: Subscription, received: readonly Received[], book: Book, owed: Owed): string[] {
  const taken = new Set<string>()
  const again = new Set<string>()
  for (const { payload, taken: took, qos } of received) {
    if (!took || qos !== 2) continue
    const isNew = book.has(payload) || owed.get(client)?.has(payload) === true
    if (taken.has(payload) || !isNew) again.add(payload)
    taken.add(payload)
  }
  return again.size === 0 ? [] : [`${client} took ${again.size} of QoS 2 more than once: ${listed([...again])}`]
}

function strange({ client, qos }: Subscription, received: readonly Received[], book: Book, round: number): string[] {
  const wrong = new Set<string>()
  for (const one of received) {
    const message = book.get(one.payload)
    // A QoS 1 message of an earlier round may come again: its PUBACK was lost with a connection.
    if (message === undefined && !(roundOf(one.payload) < round)) wrong.add(`${one.payload}, which nobody sent`)
    if (message === undefined) continue
    if (message.topic !== one.topic) wrong.add(`${one.payload} on ${one.topic} instead of ${message.topic}`)
    if (one.qos !== Math.min(qos, message.qos)) wrong.add(`${one.payload} with QoS ${one.qos}`)
  }
  return wrong.size === 0 ? [] : [`${client} got ${listed([...wrong])}`]
}

type StreamOf = (message: Published, receivedAt: number) => string

/** What has to be in order: messages of the same stream. */
function streamsOf(order: Order, connacks: readonly EventOf<'connack'>[]): StreamOf {
  const same = ({ publisher, topic }: Published): string => `${publisher} ${topic}`
  if (order === 'kept') return same
  const { lateFrom = Number.POSITIVE_INFINITY } = order
  const lastConnack = connacks.findLast(one => one.at < lateFrom)?.at ?? 0
  return (message, receivedAt) => {
    const isLate = receivedAt >= lateFrom && message.sentAt < lastConnack
    const connection = connacks.findLastIndex(one => one.at <= message.sentAt)
    const place = message.sentTo === message.edge ? message.edge : `either ${message.place}`
    return `${same(message)} ${message.qos} ${place} ${connection} ${isLate}`
  }
}

/** Order counts among first deliveries, by publisher and topic [MQTT-4.6.0-5]. */
function outOfOrder({ client }: Subscription, received: readonly Received[], book: Book, streamOf: StreamOf): string[] {
  const seen = new Set<string>()
  const last = new Map<string, number>()
  const back: string[] = []
  for (const { payload, at } of received) {
    const message = book.get(payload)
    if (message === undefined || seen.has(payload)) continue
    seen.add(payload)
    const stream = streamOf(message, at)
    if (message.place < (last.get(stream) ?? -1)) back.push(payload)
    else last.set(stream, message.place)
  }
  return back.length === 0 ? [] : [`${client} got ${back.length} out of order: ${listed(back)}`]
}

/** Topic filters as the standard has them, without the special case of `$` topics, which no test here uses. */
export function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/')
  const wanted = filter.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}
