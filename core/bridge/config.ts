/** The rules of a bridge as configuration gives them. Checks nothing: the schema has (`infra/config/bridge.ts`). */

/** Which MQTT messages go to which RocketMQ topic. */
export interface OutRule {
  /** An MQTT topic filter, not shared. Only a filter that starts with `$p2p/` sees messages to one client. */
  readonly filter: string
  /** The tenant whose messages it sees; empty: the default one. */
  readonly tenant: string
  /** RocketMQ topic: type FIFO if `fifo` is not 'off', else NORMAL. */
  readonly topic: string
  /** Template of the tag: `{clientId}`, `{level:N}` (from 1) and `{user:NAME}`. What is missing is left empty. */
  readonly tag?: string | undefined
  /** Order is kept per client, per MQTT topic, or not at all. */
  readonly fifo: 'off' | 'client' | 'topic'
  /** RocketMQ topic (type NORMAL) of messages that could not be sent; without one they are counted and reported. */
  readonly deadLetter?: string | undefined
  /** Failures until a message is given up, those not counted that came from RocketMQ being away; 0: never. */
  readonly attempts: number
  /** What stands in front of the name of an MQTT user property. */
  readonly userPrefix: string
}

/** Which RocketMQ messages go to which MQTT topic or client. */
export interface InRule {
  readonly topic: string
  /** Consumer group, of this rule alone. An ordered group keeps the order of message groups. */
  readonly group: string
  /** Tags, `a || b`, or `*`. */
  readonly tags: string
  /** SQL92 expression over properties, in place of `tags`. */
  readonly sql?: string | undefined
  /** Template of the MQTT topic: `{tag}`, `{key}`, `{topic}`, `{group}`, `{id}` and `{property:NAME}`. */
  readonly to: string
  /** Template of the one client that receives it; without it everybody who subscribes does. */
  readonly clientId?: string | undefined
  readonly tenant: string
  /** The message's own properties `mqttQos`, `mqttRetain`, `mqttExpirySec` and `mqttExpiresAt` come before these three. */
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** Message Expiry Interval in seconds; 0: none. */
  readonly expirySec: number
  /** Properties with this prefix become MQTT user properties, without it. */
  readonly userPrefix: string
}

export interface BridgeConfig {
  readonly out: readonly OutRule[]
  readonly in: readonly InRule[]
}
