/** The settings of `meridian edge`: those of `meridian start` that concern devices, and where the cores are. Loads nothing. */
import { z } from 'zod'
import { regionsSchema } from './regions.ts'
import {
  deviceSide,
  edgeMqtt,
  everyProcess,
  file,
  oneOfMany,
  place,
  placeName,
  type ResolvedAuth,
  token,
} from './schema.ts'

const MAX_WORKERS = 256
const MAX_CORES = 64

export const edgeSchema = z.strictObject({
  id: oneOfMany.id,
  region: place('Region of this edge, as cores and metrics show it'),
  regions: regionsSchema,
  core: z
    .array(
      z
        .string()
        .regex(/^wss?:\/\/(\[[0-9a-fA-F:.]+\]|[^/\s?#@:[\]]+)(:\d{1,5})?(\/[^\s?#]*)?$/)
        .meta({ unit: 'ws://HOST:PORT or wss://HOST:PORT' }),
    )
    .min(1)
    .max(MAX_CORES)
    .meta({
      description: 'The cores, of one site or of several; of those that are active the best one is found by asking',
      unit: '',
    }),
  site: placeName(
    'Site this edge links to whenever one of its cores is active. Unset, or while none is: the nearest, by round-trip time',
  ).optional(),
  linkToken: oneOfMany.linkToken,
  adminToken: token('Secret of who may drain this edge (`/drain` on the HTTP port). Unset: nobody by HTTP'),
  linkCaFile: file(
    'Authorities that the certificates of cores (`wss://`) are checked against, PEM. Unset: the usual ones',
  ),
  linkCertFile: file('Certificate this edge shows to cores, PEM'),
  linkKeyFile: file('Its private key, PEM'),
  workers: z.number().int().min(1).max(MAX_WORKERS).default(1).meta({
    description:
      'Processes that share the ports (Linux spreads connections over them), each an edge of its own: ID-1, ID-2, …; worker n also serves its own pages and metrics on `httpPort` + n. Node only',
    unit: 'processes',
  }),
  statusPort: z
    .union([z.number().int().min(0).max(65_535), z.literal('off')])
    .default('off')
    .meta({
      description:
        'Health, metrics and the status page once more, on a port that is never shared; 0 picks a free one; `workers` sets it',
      unit: 'port',
    }),
  reusePort: z
    .boolean()
    .default(false)
    .meta({ description: 'Other processes may listen on the same ports; `workers` sets it. Node only', unit: '' }),
  ...deviceSide,
  mqtt: z.strictObject(edgeMqtt).prefault({}),
  ...everyProcess,
})

export type EdgeSettings = z.output<typeof edgeSchema>

/** The settings in force; `core` are whole URLs. */
export type EdgeConfig = Omit<EdgeSettings, 'auth' | 'id'> & { readonly id: string; readonly auth: ResolvedAuth }
