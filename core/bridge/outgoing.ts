/** An MQTT message as a RocketMQ message, by an `out` rule. Decides nothing about sending. */
import { clientIdOf, NO_CLIENT, type TopicName } from '../contract/ids.ts'
import { type Message, messageKey, NEVER } from '../contract/message.ts'
import type { OutRule } from './config.ts'
import type { Outgoing } from './port.ts'
import { PROPERTY, readForwarded, toBase64 } from './properties.ts'
import { type Lookup, type Placeholders, Template } from './template.ts'

/** Message groups are at most this long (`maxMessageGroupSize` of the RocketMQ proxy). */
const GROUP_BYTES = 64

export const TAG_PLACEHOLDERS: Placeholders = { clientId: false, level: true, user: true }

/** In place of an empty payload. */
const EMPTY_BODY = new Uint8Array(1)

/** RocketMQ refuses control characters in tags and properties; they come percent-encoded. */
const plain = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/** The topic as a publisher wrote it: with `$p2p/{client id}/` in front for a message to one client. */
export const addressOf = (m: Message): TopicName =>
  m.target === NO_CLIENT ? m.topic : (`$p2p/${clientIdOf(m.target)}/${m.topic}` as TopicName)

export class OutMapping {
  readonly #rule: OutRule
  readonly #tag: Template | undefined

  /** Throws Error if the tag's template is wrong. */
  constructor(rule: OutRule) {
    this.#rule = rule
    this.#tag = rule.tag === undefined ? undefined : new Template(rule.tag, TAG_PLACEHOLDERS)
  }

  /** Throws RangeError if the message's own properties cannot be read. `now`: ms since the epoch. */
  map(m: Message, now: number): Outgoing {
    const rule = this.#rule
    const topic = addressOf(m)
    const client = m.sender === NO_CLIENT ? '' : clientIdOf(m.sender)
    const forwarded = readForwarded(m.props)
    const properties = new Map<string, string>()
    // User properties come first: none of them may replace what the gateway says.
    for (const [name, value] of forwarded.user) properties.set(plain(rule.userPrefix + name), plain(value))
    const say = (name: string, value: string | undefined): void => {
      if (value !== undefined) properties.set(name, plain(value))
    }
    say(PROPERTY.topic, topic)
    if (client !== '') say(PROPERTY.clientId, client)
    say(PROPERTY.qos, String(m.qos))
    say(PROPERTY.retain, String(m.retain))
    say(PROPERTY.timestamp, String(now))
    if (m.expiresAt !== NEVER) say(PROPERTY.expiresAt, String(Math.ceil(m.expiresAt)))
    if (m.payload.length === 0) say(PROPERTY.empty, 'true')
    say(PROPERTY.payloadFormat, forwarded.payloadFormat?.toString())
    say(PROPERTY.contentType, forwarded.contentType)
    say(PROPERTY.responseTopic, forwarded.responseTopic)
    if (forwarded.correlationData !== undefined) say(PROPERTY.correlationData, toBase64(forwarded.correlationData))
    return {
      topic: rule.topic,
      body: m.payload.length === 0 ? EMPTY_BODY : m.payload,
      tag: this.#tagOf(topic, client, forwarded.user),
      keys: [messageKey(m)],
      properties,
      group: this.group(m),
    }
  }

  /** The messages that keep their order with this one; undefined: none. */
  group(m: Message): string | undefined {
    const { fifo } = this.#rule
    if (fifo === 'off') return undefined
    return groupName(fifo === 'topic' || m.sender === NO_CLIENT ? addressOf(m) : clientIdOf(m.sender))
  }

  #tagOf(topic: string, client: string, user: readonly [string, string][]): string | undefined {
    if (this.#tag === undefined) return undefined
    const lookup: Lookup = (name, argument) =>
      name === 'clientId'
        ? client
        : name === 'level'
          ? topic.split('/')[Number(argument) - 1]
          : user.findLast(pair => pair[0] === argument)?.[1]
    const tag = plain(this.#tag.fill(lookup, () => ''))
      .replaceAll('|', '%7C')
      .trim()
    return tag === '' ? undefined : tag
  }
}

/** The same message for the dead-letter topic: body and what identifies it; of the properties those of the gateway. */
export function deadLetter(message: Outgoing, topic: string, why: string): Outgoing {
  const names = new Set<string>(Object.values(PROPERTY))
  const properties = new Map([...message.properties].filter(([name]) => names.has(name)))
  properties.set(PROPERTY.error, plain(why).slice(0, 1_000))
  properties.set(PROPERTY.deadTopic, message.topic)
  return { ...message, topic, properties, group: undefined }
}

/** The text itself if RocketMQ takes it as a group, else a name made of its hash. */
function groupName(text: string): string {
  if (/^[\u0021-\u007e]+$/.test(text) && text.length <= GROUP_BYTES) return text
  return `#${fnv1a(text, 0x811c9dc5)}${fnv1a(text, 0x9747b28c)}`
}

/** FNV-1a over UTF-16 units, 32 bits as hexadecimal digits. Two texts of one hash share a group: that costs time only. */
function fnv1a(text: string, basis: number): string {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
