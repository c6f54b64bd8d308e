/** The settings of `meridian core`: where edges link to it, and where it keeps messages and sessions. Loads nothing. */
import { z } from 'zod'
import { bridgeSchema } from './bridge.ts'
import { coreMqtt, everyProcess, file, oneOfMany, place, synchronous } from './schema.ts'

const MAX_PEERS = 64

export const coreSchema = z.strictObject({
  id: oneOfMany.id,
  site: place('Site of this core: of the cores of one site that share a Redis, one is active, the others stand by'),
  peer: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}=wss?:\/\/(\[[0-9a-fA-F:.]+\]|[^/\s?#@:[\]]+)(:\d{1,5})?(\/[^\s?#]*)?$/)
        .meta({ unit: 'SITE=ws://HOST:PORT or SITE=wss://HOST:PORT' }),
    )
    .max(MAX_PEERS)
    .default([])
    .meta({
      description:
        'Cores of the other sites, which share this Redis: clients, their sessions and retained messages are then the same at all of them',
      unit: '',
    }),
  linkCaFile: file(
    'Authorities that the certificates of peers (`wss://`) are checked against, PEM. Unset: the usual ones',
  ),
  linkCertFile: file('Certificate this core shows to peers, PEM'),
  linkKeyFile: file('Its private key, PEM'),
  httpHost: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'Address the HTTP port binds', unit: 'address' }),
  httpPort: z.number().int().min(0).max(65_535).default(8090).meta({
    description: 'Links of edges (`/link`), health, metrics and the status page; 0 picks a free port',
    unit: 'port',
  }),
  rocketmq: z
    .string()
    .regex(/^[^\s:;/]+:\d{1,5}(;[^\s:;/]+:\d{1,5})*$/)
    .optional()
    .meta({
      description: 'The gRPC proxy of RocketMQ, which keeps messages',
      unit: 'HOST:PORT, several separated by ;',
    }),
  rocketmqTls: z.boolean().default(false).meta({ description: 'RocketMQ is called over TLS', unit: '' }),
  rocketmqCaFile: file(
    'Authorities that the certificates of RocketMQ’s proxies are checked against, PEM. Unset: the usual ones',
  ),
  rocketmqAccessKey: z.string().min(1).optional().meta({
    description: 'For a RocketMQ with access control, with `rocketmqAccessSecret`',
    unit: '',
  }),
  rocketmqAccessSecret: z.string().min(1).optional().meta({ description: 'Belongs to `rocketmqAccessKey`', unit: '' }),
  state: z
    .string()
    .regex(/^(rediss?:\/\/[^\s/?#]+\S*|upstash\+https?:\/\/[^\s/?#]+\S*[?&]token=[^\s&]\S*)$/)
    .optional()
    .meta({
      description: 'Redis, which keeps sessions and retained messages and says which core is active',
      unit: 'redis://HOST:PORT, rediss://HOST:PORT or upstash+https://HOST?token=TOKEN (or +http)',
    }),
  redisCaFile: file(
    'Authorities that the certificate of Redis (`rediss://`) is checked against, PEM. Unset: the usual ones. For `upstash+https://` it is `NODE_EXTRA_CA_CERTS` that adds to these',
  ),
  dataDir: z.string().min(1).optional().meta({
    description:
      'In place of RocketMQ and Redis, for one core that no other stands by: where sessions and messages are kept; `:memory:` keeps nothing',
    unit: 'path',
  }),
  synchronous,
  bridge: bridgeSchema.prefault({}),
  linkToken: oneOfMany.linkToken,
  tlsCertFile: file('Certificate chain of the HTTP port, PEM, which makes it HTTPS; reloaded when it changes'),
  tlsKeyFile: file('Its private key, PEM; reloaded when it changes'),
  tlsCaFile: file('Authorities that the certificates of edges must be of, PEM. Set: who has none cannot connect'),
  mqtt: z.strictObject(coreMqtt).prefault({}),
  ...everyProcess,
})

export type CoreSettings = z.output<typeof coreSchema>

/** How RocketMQ is reached. */
export interface RocketmqAddress {
  readonly endpoint: string
  /** Undefined: without TLS. */
  readonly tls: { readonly caFile: string | undefined } | undefined
  readonly credentials: { readonly accessKey: string; readonly secretKey: string } | undefined
}

/** Where messages and sessions are kept. */
export type Stores =
  | { readonly are: 'embedded'; readonly dataDir: string }
  | {
      readonly are: 'apart'
      readonly rocketmq: RocketmqAddress
      /** URL of Redis. */
      readonly state: string
      readonly redisCaFile: string | undefined
    }

/** What `Stores` is made of. */
type Raw = 'peer' | 'state' | 'redisCaFile' | 'dataDir' | Extract<keyof CoreSettings, `rocketmq${string}`>

/** The settings in force. */
export type CoreConfig = Omit<CoreSettings, 'id' | Raw> & {
  readonly id: string
  readonly stores: Stores
  /** The other sites: whole URLs of their cores. */
  readonly peers: ReadonlyMap<string, readonly string[]>
}
