/** The `listeners` section of the configuration: one shape per kind of listener. Opens nothing. */
import { z } from 'zod'

const file = (description: string) => z.string().min(1).meta({ description, unit: 'path' })
const host = z.string().min(1).default('127.0.0.1').meta({ description: 'Address to bind', unit: 'address' })
const port = z.number().int().min(0).max(65_535).meta({ description: 'Port; 0 picks a free one', unit: 'port' })
const proxyProtocol = z
  .boolean()
  .default(false)
  .meta({ description: 'Connections begin with a PROXY protocol v1 or v2 header', unit: '' })

export const PAGES = ['all', 'devices', 'none'] as const

const pages = z.enum(PAGES).default('devices').meta({
  description:
    'Served beside `/mqtt`: `devices` what devices and load balancers ask for (`/regions`, `/healthz`, `/readyz` without reasons), `all` also `/metrics`, `/` and `/drain`, `none` nothing',
  unit: '',
})

const tls = {
  certFile: file('Certificate chain, PEM; reloaded when it changes'),
  keyFile: file('Private key, PEM; reloaded when it changes'),
  caFile: file('Authorities that client certificates are checked against, PEM').optional(),
  sni: z
    .array(
      z.strictObject({
        serverName: z.string().min(1).meta({ description: 'Name a client asks for (SNI)', unit: 'host name' }),
        certFile: file('Certificate chain for that name, PEM'),
        keyFile: file('Private key for that name, PEM'),
      }),
    )
    .max(1_000)
    .default([])
    .meta({ description: 'Further certificates by server name', unit: '' }),
  requireClientCertificate: z
    .boolean()
    .default(false)
    .meta({ description: 'Refuse clients without a certificate of `caFile`', unit: '' }),
  certificateAsUsername: z
    .boolean()
    .default(false)
    .meta({ description: 'A verified certificate authenticates; its common name is the user name', unit: '' }),
}

const kind = <K extends string>(name: K) => z.literal(name).meta({ description: 'What is listened for', unit: '' })

export const listenerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: kind('tcp'), host, port, proxyProtocol }),
  z.strictObject({ kind: kind('tls'), host, port, proxyProtocol, ...tls }),
  z.strictObject({ kind: kind('ws'), host, port, pages, proxyProtocol }),
  z.strictObject({ kind: kind('wss'), host, port, pages, proxyProtocol, ...tls }),
  z.strictObject({ kind: kind('unix'), path: file('Path of the Unix socket') }),
])

export type ListenerSettings = z.output<typeof listenerSchema>
