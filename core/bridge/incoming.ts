/** A RocketMQ message as an MQTT message, by an `in` rule. Decides nothing about acknowledging. */
import { type ClientKey, clientKey, NO_CLIENT, type Tenant, type TopicName } from '../contract/ids.ts'
import type { Limits } from '../contract/limits.ts'
import { type MessageInit, NEVER, NO_BYTES, type QoS } from '../contract/message.ts'
import { checkTopicName } from '../topic/validate.ts'
import type { InRule } from './config.ts'
import type { Incoming } from './port.ts'
import { fromBase64, noProperties, PROPERTY, writeForwarded } from './properties.ts'
import { type Lookup, type Placeholders, Template } from './template.ts'

export const IN_PLACEHOLDERS: Placeholders = {
  tag: false,
  key: false,
  topic: false,
  group: false,
  id: false,
  property: true,
}

/** A message that no rule of MQTT allows: it can never be published, however often it is tried. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** The part of `Limits` that bounds what comes in. */
export type InLimits = Pick<Limits, 'maxTopicBytes' | 'maxTopicLevels' | 'maxClientIdBytes' | 'maxPacketBytes'>

/** A tenant that no device has: messages that came from RocketMQ have the sender `$rocketmq:{topic}`, and no `out` rule sends them back. */
const FOREIGN = '$rocketmq:'
export const isForeign = (sender: ClientKey): boolean => sender.startsWith(FOREIGN)

export class InMapping {
  readonly #rule: InRule
  readonly #limits: InLimits
  readonly #to: Template
  readonly #client: Template | undefined

  /** Throws Error if a template is wrong. */
  constructor(rule: InRule, limits: InLimits) {
    this.#rule = rule
    this.#limits = limits
    this.#to = new Template(rule.to, IN_PLACEHOLDERS)
    this.#client = rule.clientId === undefined ? undefined : new Template(rule.clientId, IN_PLACEHOLDERS)
  }

  /** Undefined if the message has expired. Throws `Refusal` if it can be no MQTT message. `now`: ms since the epoch. */
  map(m: Incoming, now: number): MessageInit | undefined {
    const { maxPacketBytes } = this.#limits
    const expiresAt = this.#expiresAt(m, now)
    if (expiresAt !== NEVER && expiresAt <= now) return undefined
    if (m.body.length > maxPacketBytes)
      throw new Refusal(`Body has ${m.body.length} bytes, limits.maxPacketBytes allows ${maxPacketBytes}`)
    const tenant = this.#rule.tenant as Tenant
    const topic = this.#topic(m)
    const client = this.#clientId(m)
    return {
      tenant,
      topic,
      qos: this.#qos(m),
      payload: m.properties.get(PROPERTY.empty) === 'true' ? NO_BYTES : m.body,
      // A message to one client is never retained.
      retain: client === undefined && this.#retain(m),
      props: this.#props(m),
      expiresAt,
      sender: `${FOREIGN}${m.topic}` as ClientKey,
      target: client === undefined ? NO_CLIENT : clientKey(tenant, client),
    }
  }

  #topic(m: Incoming): TopicName {
    const topic = fill(this.#to, m)
    const wrong = badTopic(topic, this.#limits)
    if (wrong !== undefined) throw new Refusal(wrong)
    // $SYS, $share and $p2p mean something to the gateway; a target is named by the rule's clientId.
    if (topic.startsWith('$')) throw new Refusal(`Topic name '${topic}' begins with '$'`)
    return topic as TopicName
  }

  #clientId(m: Incoming): string | undefined {
    if (this.#client === undefined) return undefined
    const id = fill(this.#client, m)
    if (id.includes('\0') || new TextEncoder().encode(id).length > this.#limits.maxClientIdBytes)
      throw new Refusal(`Client id '${id.slice(0, 80)}' is too long or has a NUL character`)
    return id
  }

  #qos(m: Incoming): QoS {
    const text = m.properties.get(PROPERTY.qos)
    if (text === undefined) return this.#rule.qos
    if (text === '0' || text === '1' || text === '2') return Number(text) as QoS
    throw new Refusal(`Property ${PROPERTY.qos} is '${text}', allowed are 0, 1 and 2`)
  }

  #retain(m: Incoming): boolean {
    const text = m.properties.get(PROPERTY.retain)
    if (text === undefined) return this.#rule.retain
    if (text === 'true' || text === 'false') return text === 'true'
    throw new Refusal(`Property ${PROPERTY.retain} is '${text}', allowed are true and false`)
  }

  #expiresAt(m: Incoming, now: number): number {
    const at = whole(m, PROPERTY.expiresAt)
    if (at !== undefined) return at
    const sec = whole(m, PROPERTY.expirySec) ?? this.#rule.expirySec
    return sec === 0 ? NEVER : now + sec * 1000
  }

  #props(m: Incoming): Uint8Array {
    const { userPrefix } = this.#rule
    const f = noProperties()
    const format = whole(m, PROPERTY.payloadFormat)
    if (format !== undefined && format > 1)
      throw new Refusal(`Property ${PROPERTY.payloadFormat} is '${format}', allowed are 0 and 1`)
    f.payloadFormat = format
    f.contentType = m.properties.get(PROPERTY.contentType)
    f.responseTopic = m.properties.get(PROPERTY.responseTopic)
    const wrong = f.responseTopic === undefined ? undefined : badTopic(f.responseTopic, this.#limits)
    if (wrong !== undefined) throw new Refusal(`Response topic: ${wrong}`)
    const correlation = m.properties.get(PROPERTY.correlationData)
    for (const [name, value] of m.properties)
      if (name.startsWith(userPrefix)) f.user.push([name.slice(userPrefix.length), value])
    try {
      if (correlation !== undefined) f.correlationData = fromBase64(correlation)
      return writeForwarded(f)
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error))
    }
  }
}

/** Why the text is no topic name, or undefined if it is one. NUL too, which MQTT packets are checked for as they are read. */
const badTopic = (topic: string, limits: InLimits): string | undefined =>
  topic.includes('\0') ? 'Topic name has a NUL character' : checkTopicName(topic, limits)

function fill(template: Template, m: Incoming): string {
  const lookup: Lookup = (name, argument) => {
    switch (name) {
      case 'tag':
        return m.tag
      case 'key':
        return m.keys[0]
      case 'topic':
        return m.topic
      case 'group':
        return m.group
      case 'id':
        return m.id
      default:
        return m.properties.get(argument)
    }
  }
  return template.fill(lookup, placeholder => {
    throw new Refusal(`Template '${template.text}' needs ${placeholder}, which the message lacks`)
  })
}

/** A property that is a whole number from 0. */
function whole(m: Incoming, name: string): number | undefined {
  const text = m.properties.get(name)
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Refusal(`Property ${name} is '${text}', not a whole number`)
}
