/** The `bridge` section of the configuration: which messages go to RocketMQ and come from it. Opens nothing. */
import { z } from 'zod'
import type { BridgeConfig } from '../../core/bridge/config.ts'
import { IN_PLACEHOLDERS } from '../../core/bridge/incoming.ts'
import { TAG_PLACEHOLDERS } from '../../core/bridge/outgoing.ts'
import { type Placeholders, Template } from '../../core/bridge/template.ts'
import { DEFAULT_LIMITS } from '../../core/contract/limits.ts'
import { checkTopicFilter } from '../../core/topic/validate.ts'

type Wrong = (value: string) => string | undefined

/** A text with a check that says what is wrong with it. */
const checked = (wrong: Wrong, description: string, unit: string) =>
  z
    .string()
    .min(1)
    .superRefine((value, ctx) => {
      const message = wrong(value)
      if (message !== undefined) ctx.addIssue({ code: 'custom', message })
    })
    .meta({ description, unit })

const template = (known: Placeholders, description: string) =>
  checked(
    value => {
      try {
        new Template(value, known)
        return undefined
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    },
    description,
    'template',
  )

/** Names of topics and groups [RocketMQ docs, Parameter constraints: letters, digits, - _ %, at most 127]. */
const name = (description: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_%-]{1,127}$/)
    .meta({ description, unit: 'letters, digits, -, _ and %, at most 127' })
const tenant = z
  .string()
  .regex(/^[A-Za-z0-9_-]*$/)
  .default('')
  .meta({ description: 'Tenant of the MQTT side; empty: the default one', unit: 'letters, digits, - and _' })
const userPrefix = z
  .string()
  .regex(/^[A-Za-z0-9_.-]+$/)
  .max(64)
  .default('user_')
  .meta({
    description: 'In front of the names of MQTT user properties among RocketMQ’s',
    unit: 'letters, digits, -, _ and .',
  })

const filterWrong: Wrong = value =>
  value.startsWith('$share/') ? `Topic filter '${value}' is shared` : checkTopicFilter(value, DEFAULT_LIMITS)

const outRule = z.strictObject({
  filter: checked(
    filterWrong,
    'MQTT topics whose messages are sent; messages to one client only if it begins with `$p2p/`',
    'topic filter',
  ),
  topic: name('RocketMQ topic they are sent to: of type NORMAL, with `fifo` of type FIFO'),
  tag: template(TAG_PLACEHOLDERS, 'Tag: text with `{clientId}`, `{level:N}` of the topic, `{user:NAME}`').optional(),
  fifo: z
    .enum(['off', 'client', 'topic'])
    .default('off')
    .meta({ description: 'Messages that keep their order: of one client, or of one MQTT topic', unit: '' }),
  deadLetter: name(
    'RocketMQ topic (NORMAL) of messages that could not be sent. Unset: they are counted and logged',
  ).optional(),
  attempts: z.number().int().min(0).max(1_000).default(20).meta({
    description:
      'Failures until a message is given up, while RocketMQ answers; with 20 that takes two minutes; 0 never',
    unit: 'attempts',
  }),
  tenant,
  userPrefix,
})

const inRule = z.strictObject({
  topic: name('RocketMQ topic that is read'),
  group: name('Consumer group, of this rule alone'),
  tags: z.string().min(1).default('*').meta({ description: 'Tags that are read, as `a || b`; `*` all', unit: '' }),
  sql: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'SQL92 expression over properties, in place of `tags`', unit: '' }),
  to: template(
    IN_PLACEHOLDERS,
    'MQTT topic: text with `{tag}`, `{key}`, `{topic}`, `{group}`, `{id}`, `{property:NAME}`',
  ),
  clientId: template(IN_PLACEHOLDERS, 'The one client that gets it, as in `to`. Unset: all that subscribe').optional(),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .meta({ description: 'QoS, if the property `mqttQos` does not say it', unit: '' }),
  retain: z
    .boolean()
    .default(false)
    .meta({ description: 'Retained, if the property `mqttRetain` does not say it', unit: '' }),
  expirySec: z.number().int().min(0).max(0xffffffff).default(0).meta({
    description: 'Message expiry, if neither `mqttExpirySec` nor `mqttExpiresAt` says it; 0 none',
    unit: 's',
  }),
  tenant,
  userPrefix,
})

export const bridgeSchema = z.strictObject({
  out: z
    .array(
      outRule.superRefine((rule, ctx) => {
        if (rule.deadLetter === rule.topic)
          ctx.addIssue({ code: 'custom', path: ['deadLetter'], message: `'${rule.topic}' is the topic itself` })
      }),
    )
    .max(1_000)
    .default([])
    .meta({ description: 'MQTT messages that are sent to RocketMQ topics', unit: '' }),
  in: z
    .array(inRule)
    .max(1_000)
    .superRefine((rules, ctx) => {
      for (const [i, { group }] of rules.entries()) {
        const first = rules.findIndex(rule => rule.group === group)
        if (first < i)
          ctx.addIssue({
            code: 'custom',
            path: [i, 'group'],
            message: `Group '${group}' is that of bridge.in[${first}]`,
          })
      }
    })
    .default([])
    .meta({ description: 'RocketMQ messages that are published', unit: '' }),
})

/** What the schema gives is what the bridge takes. */
export const asBridge = (section: z.output<typeof bridgeSchema>): BridgeConfig => section
