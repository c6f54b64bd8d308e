/** What every client did and saw, as a list of events in the order they happened. Written by the devices, read by the checks. */

/** One session's subscription that is known to stand before a round begins. */
export interface Subscription {
  readonly client: string
  /** Without the `$share/…/` in front. */
  readonly filter: string
  readonly qos: 0 | 1 | 2
  /** Name of the shared group, if it is one. */
  readonly group?: string
}

/** `at` counts milliseconds on one clock; `connection` numbers the connections of all clients. */
export type HistoryEvent = { readonly at: number } & (
  | { readonly is: 'fault'; readonly name: string }
  /** The harm of the fault before is done: what is sent from now on shows when it is over. */
  | { readonly is: 'struck' }
  /** CONNACK with code 0. */
  | { readonly is: 'connack'; readonly client: string; readonly connection: number; readonly edge: string }
  | { readonly is: 'closed'; readonly client: string; readonly connection: number; readonly by: 'client' | 'server' }
  /** CONNECT with this will was written; `delayed`: its Will Delay Interval is longer than the client is ever away. */
  | { readonly is: 'will'; readonly client: string; readonly payload: string; readonly delayed?: true }
  /** DISCONNECT without will was written; `sure`: nothing can have kept it from the edge. */
  | { readonly is: 'farewell'; readonly client: string; readonly sure: boolean }
  | ({
      readonly is: 'sent'
      readonly client: string
      readonly retain: boolean
      readonly dup: boolean
      readonly qos: 0 | 1 | 2
    } & Message)
  /** PUBACK or PUBREC without error. */
  | { readonly is: 'acknowledged'; readonly client: string; readonly payload: string }
  | ({ readonly is: 'received'; readonly client: string; readonly connection: number } & Reception)
  /** What a client saw that must not be, e.g. a lost session. */
  | { readonly is: 'wrong'; readonly client: string; readonly what: string }
)

interface Message {
  readonly topic: string
  readonly payload: string
}

interface Reception extends Message {
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly packetId: number
  /** False: a QoS 2 packet id that is open already, so the same message once more. */
  readonly taken: boolean
}

export type EventOf<K extends HistoryEvent['is']> = Extract<HistoryEvent, { is: K }>

export const eventsOf = <K extends HistoryEvent['is']>(events: readonly HistoryEvent[], kind: K): EventOf<K>[] =>
  events.filter((event): event is EventOf<K> => event.is === kind)

/** `round/publisher/number`: unique over a whole run, and one can see what belongs to which round. */
export const payloadOf = (round: number, publisher: string, number: number): string => `${round}/${publisher}/${number}`
export const roundOf = (payload: string): number => Number(payload.split('/')[0])
