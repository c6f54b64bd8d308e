/** The settings of `meridian start`, in sections that `meridian edge` and `meridian core` share: type, default, unit and meaning. The configuration reference is generated from here. Loads nothing. */
import { z } from 'zod'
import { DEFAULT_SETTINGS } from '../../edge/settings.ts'
import { limitsSchema } from './limits.ts'
import { listenerSchema, PAGES } from './listeners.ts'

const port = (standard: number, description: string) =>
  z
    .union([z.number().int().min(0).max(65_535), z.literal('off')])
    .default(standard)
    .meta({ description, unit: 'port' })
const flag = (standard: boolean, description: string) => z.boolean().default(standard).meta({ description, unit: '' })
const choice = <const T extends readonly [string, ...string[]]>(values: T, standard: T[number], description: string) =>
  z
    .enum(values)
    .default(standard as never)
    .meta({ description, unit: '' })
export const file = (description: string) => z.string().min(1).optional().meta({ description, unit: 'path' })

const authSchema = z.strictObject({
  allowAnonymous: z.boolean().optional().meta({
    description:
      'Accept clients that no method knows. Unset: only if nothing else is configured and every listener is bound to loopback',
    unit: '',
  }),
  passwordFile: file('Users and password hashes, written by `meridian passwd`; reloaded when it changes'),
  aclFile: file('Who may publish, subscribe and receive what; reloaded when it changes. Unset: everybody everything'),
  allowedOrigins: z
    .array(
      z
        .string()
        .regex(/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/)
        .meta({ unit: 'https://HOST or https://HOST:PORT' }),
    )
    .max(1_000)
    .optional()
    .meta({
      description: 'Web pages that may connect from a browser, by their origin. Unset: all; without Origin always',
      unit: '',
    }),
  order: z
    .array(z.enum(['certificate', 'password', 'anonymous']))
    .max(16)
    .default(['certificate', 'password', 'anonymous'])
    .meta({ description: 'Methods in the order they are asked; the first that knows the client decides', unit: '' }),
})

const dropPolicy = choice(
  ['oldest', 'newest'],
  DEFAULT_SETTINGS.dropPolicy,
  'What a full queue drops once no QoS 0 message is left in it: the oldest message or the new one',
)

/** What an edge does. */
export const edgeMqtt = {
  sharedStrategy: choice(
    ['round-robin', 'random', 'sticky', 'hash-client', 'hash-topic'],
    DEFAULT_SETTINGS.sharedStrategy,
    'Which member of a shared subscription gets a message',
  ),
  dropPolicy,
  slowConsumer: choice(
    ['queue', 'disconnect'],
    DEFAULT_SETTINGS.slowConsumer,
    'A client without persistent session that does not read: queue within the bounds, then drop; or disconnect it (0x97)',
  ),
  deniedReason: choice(
    ['not-authorized', 'unspecified'],
    DEFAULT_SETTINGS.deniedReason,
    'What a 5.0 client is told that lacks the right to publish or subscribe: 0x87, or 0x80 like a 3.1.1 client',
  ),
  checkPayloadFormat: flag(
    DEFAULT_SETTINGS.checkPayloadFormat,
    'Refuse a payload that says it is UTF-8 and is not (0x99)',
  ),
  retainAvailable: flag(DEFAULT_SETTINGS.retainAvailable, 'Retained messages are supported'),
  wildcardAvailable: flag(DEFAULT_SETTINGS.wildcardAvailable, 'Wildcard subscriptions are supported'),
  sharedAvailable: flag(DEFAULT_SETTINGS.sharedAvailable, 'Shared subscriptions are supported'),
  subscriptionIdAvailable: flag(DEFAULT_SETTINGS.subscriptionIdAvailable, 'Subscription identifiers are supported'),
  responseInformation: z.string().max(1_024).default('').meta({
    description: 'Topic prefix given to clients that ask for Response Information; empty gives none',
    unit: 'topic',
  }),
}

/** What a core does. */
export const coreMqtt = {
  dropPolicy,
  queueQos0: flag(false, 'Keep QoS 0 messages for offline sessions too'),
  sysIntervalSec: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(10)
    .meta({ description: 'How often `$SYS` topics are published; 0 never', unit: 's' }),
}

/** Where devices come in. */
export const deviceSide = {
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'Address the MQTT and HTTP ports bind', unit: 'address' }),
  mqttPort: port(1883, 'MQTT over TCP; 0 picks a free port, `off` opens none'),
  httpPort: port(
    8080,
    'WebSocket (`/mqtt`, or no path), health, metrics and the status page; 0 picks a free port, `off` opens none',
  ),
  httpPages: choice(
    PAGES,
    'all',
    'Served on the HTTP port beside `/mqtt`, as `pages` of a listener says; on a serverless host too',
  ),
  listeners: z
    .array(listenerSchema)
    .max(64)
    .default([])
    .meta({ description: 'Further listeners, each with a kind', unit: '' }),
  auth: authSchema.prefault({}),
}

/** Secrets shorter than this can be guessed. */
const TOKEN_CHARS = 16

export const token = (description: string) =>
  z
    .string()
    .min(TOKEN_CHARS)
    .max(1_024)
    .regex(/^[!-~]+$/)
    .optional()
    .meta({ description, unit: `${TOKEN_CHARS} to 1024 visible ASCII characters` })

/** What a process of several has. */
export const oneOfMany = {
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/)
    .optional()
    .meta({
      description: 'Name of this process in logs and metrics. Unset: the name of the host',
      unit: '1 to 40 letters, digits, dashes or underscores, the first a letter or digit',
    }),
  linkToken: token(
    'Secret that edges show to cores; the same at all of them. May be unset only where all of it is on loopback or client certificates are asked for',
  ),
}

const PLACE = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
const PLACE_UNIT = '1 to 64 letters, digits, dashes, dots or underscores, the first a letter or digit'

export const placeName = (description: string) => PLACE.meta({ description, unit: PLACE_UNIT })
export const place = (description: string) => PLACE.default('default').meta({ description, unit: PLACE_UNIT })

/** What every process has. */
export const everyProcess = {
  logLevel: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Least severe log lines printed',
  ),
  metrics: z
    .strictObject({
      process: flag(true, 'Include memory, CPU and event loop figures of the process'),
    })
    .prefault({}),
  limits: limitsSchema.prefault({}),
}

/** Of the data directory. */
export const synchronous = choice(
  ['normal', 'full'],
  'normal',
  'Durability of a commit to `dataDir`: `normal` survives a crash of the process, `full` a power cut too, at about a third of the rate',
)

export const configSchema = z.strictObject({
  ...deviceSide,
  dataDir: z
    .string()
    .min(1)
    .default('./meridian-data')
    .meta({ description: 'Where sessions and messages are kept; `:memory:` keeps nothing', unit: 'path' }),
  synchronous,
  mqtt: z.strictObject({ ...edgeMqtt, ...coreMqtt }).prefault({}),
  ...everyProcess,
})

/** The settings as written, with defaults. */
export type Settings = z.output<typeof configSchema>

/** `auth` once it is resolved who may connect. */
export type ResolvedAuth = Omit<z.output<typeof authSchema>, 'allowAnonymous'> & {
  allowAnonymous: boolean
  /** Kinds of listeners whose client certificates name the user. */
  certificateListeners: ('tls' | 'wss')[]
}

/** The settings in force: what `load` returns once it has resolved what depends on other settings. */
export type Config = Omit<Settings, 'auth'> & { auth: ResolvedAuth }
