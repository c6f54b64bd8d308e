/** Messages as they cross between sites, or come with a session: the same identity, but for a shared group's copy that travels alone. Sends nothing. */
import type { Incarnation, TopicFilter } from '../contract/ids.ts'
import { Message, messageKey, NO_BYTES, type Relayed } from '../contract/message.ts'
import type { Subscription } from '../contract/session.ts'
import type { Session } from '../session/session.ts'
import { matches, parseShare } from '../topic/validate.ts'

const NO_GROUPS: readonly TopicFilter[] = []

/** As it goes on at the site it came to. `only`: for those groups alone. Shares the bytes of `m`. */
export const relayed = (m: Message, groups: readonly TopicFilter[] | undefined, only: boolean): Message =>
  copy(m, only ? aside(m, (groups ?? NO_GROUPS).join(' ')) : m.origin, { groups: groups ?? NO_GROUPS, only })

/** A group's copy that has to wait for another site. */
export const copyFor = (m: Message, group: TopicFilter): Message => relayed(m, [group], true)

/** What is retained there from now on, and comes to nobody there. */
export const retainedOnly = (m: Message): Message => copy(m, m.origin, { groups: NO_GROUPS, only: true })

/** The identity of a group's copy, which may come by another way than the message. */
export const copyId = (m: Message, group: TopicFilter): Pick<Message, 'origin' | 'seq'> => ({
  origin: aside(m, group),
  seq: m.seq,
})

/** As its own site has it. */
export const unrelayed = (m: Message): Message => copy(m, m.origin.split(' ', 1)[0] as Incarnation, undefined)

/** Incarnations hold no blank. */
const aside = (m: Message, group: string): Incarnation => `${m.origin.split(' ', 1)[0]} ${group}` as Incarnation

const copy = (m: Message, origin: Incarnation, relayed: Relayed | undefined): Message =>
  new Message(origin, m.seq, {
    tenant: m.tenant,
    topic: m.topic,
    qos: m.qos,
    payload: m.payload,
    retain: m.retain,
    props: m.props.length === 0 ? NO_BYTES : m.props,
    expiresAt: m.expiresAt,
    sender: m.sender,
    target: m.target,
    stamp: m.stamp,
    ...(relayed === undefined ? {} : { relayed }),
  })

/** For whom alone it is, if it is such a copy: the message itself may come to others. */
export const isForClient = ({ relayed }: Message): boolean => relayed?.only === true && relayed.groups.length === 0

/** A copy for this client alone, which goes to no other site: nothing matches it any more, so it has the QoS that its subscriptions grant [MQTT-3.8.4-8]. */
export const copyForClient = ({ client, subscriptions }: Session, m: Message): Message =>
  new Message(m.origin, m.seq, {
    tenant: m.tenant,
    topic: m.topic,
    qos: m.target === client ? m.qos : grantedQos(subscriptions.values(), m),
    payload: m.payload,
    retain: m.retain && m.target === client,
    props: m.props,
    expiresAt: m.expiresAt,
    sender: m.sender,
    target: client,
    stamp: m.stamp,
    relayed: { groups: NO_GROUPS, only: true },
  })

/** That of the message if no subscription matches, as when the client has unsubscribed since. */
function grantedQos(subscriptions: Iterable<Subscription>, { topic, qos }: Message): Message['qos'] {
  let most: Message['qos'] = 0
  for (const s of subscriptions)
    if (s.qos > most && matches(parseShare(s.filter)?.filter ?? s.filter, topic)) most = s.qos
  return most === 0 || most > qos ? qos : most
}

/** By which messages of QoS ≥ 1 come to the session itself. */
export const filtersOf = (subscriptions: Iterable<Subscription>): TopicFilter[] =>
  [...subscriptions].filter(s => s.qos > 0 && parseShare(s.filter) === undefined).map(s => s.filter)

/** Each once, where it was first. */
export const withoutTwice = (messages: readonly Message[]): Message[] => [
  ...new Map(messages.map(m => [messageKey(m), m])).values(),
]
