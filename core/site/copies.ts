/** Messages as they cross between sites: the same identity, but for a shared group's copy that travels alone. Sends nothing. */
import type { Incarnation, TopicFilter } from '../contract/ids.ts'
import { Message, NO_BYTES, type Relayed } from '../contract/message.ts'

const NO_GROUPS: readonly TopicFilter[] = []

/** As it goes on at the site it came to. `only`: for those groups alone. Shares the bytes of `m`. */
export const relayed = (m: Message, groups: readonly TopicFilter[] | undefined, only: boolean): Message =>
  copy(m, only ? aside(m, (groups ?? NO_GROUPS).join(' ')) : m.origin, { groups: groups ?? NO_GROUPS, only })

/** A group's copy that has to wait for another site. */
export const copyFor = (m: Message, group: TopicFilter): Message => relayed(m, [group], true)

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
