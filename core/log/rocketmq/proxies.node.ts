/** Where RocketMQ's proxies are: addresses and names of an endpoint, for gRPC and for the proxies themselves. Connects to nothing. */
import { lookup } from 'node:dns/promises'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { type ChannelCredentials, credentials, experimental, status as grpcStatus, Metadata } from '@grpc/grpc-js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'

export interface RocketmqTls {
  /** Authorities of the proxies' certificates, PEM; the usual ones if not given. */
  readonly ca?: string
}

export type Address = readonly [host: string, port: number]

/** @throws RangeError if it is not `host:port`, or several of them, separated by `;` */
export const addressesOf = (endpoint: string): readonly Address[] =>
  endpoint.split(';').map(one => {
    const at = one.lastIndexOf(':')
    const host = one.slice(0, at)
    const port = Number(one.slice(at + 1))
    if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535)
      throw new RangeError(`RocketMQ endpoint '${endpoint}' is not host:port, or several separated by ;`)
    return [host, port]
  })

/** As the proxies are told where their clients see them. */
export function accessPoint(endpoint: string): pb.Endpoints {
  const all = addressesOf(endpoint)
  const point = new pb.Endpoints().setScheme(
    all.every(([host]) => isIpv4(host)) ? pb.AddressScheme.IPV4 : pb.AddressScheme.DOMAIN_NAME,
  )
  for (const [host, port] of all) point.addAddresses().setHost(host).setPort(port)
  return point
}

const isIpv4 = (host: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(host)

/** What gRPC connects to: the first of several that lets it. */
export const grpcTarget = (endpoint: string): string =>
  endpoint.includes(';') ? `${SCHEME}:${endpoint.replaceAll(';', ',')}` : endpoint

/** gRPC takes several proxies for one server with one name: the certificate of each may be of any of their names. */
export function grpcCredentials(endpoint: string, tls: RocketmqTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure()
  const hosts = addressesOf(endpoint).map(([host]) => host)
  const isOneOfThem = (_host: string, certificate: PeerCertificate): Error | undefined => {
    const wrong = hosts.map(host => checkServerIdentity(host, certificate))
    return wrong.includes(undefined) ? undefined : wrong[0]
  }
  const authorities = tls.ca === undefined ? null : Buffer.from(tls.ca)
  return credentials.createSsl(authorities, null, null, { checkServerIdentity: isOneOfThem })
}

/** gRPC itself knows several addresses, but only one name. */
const SCHEME = 'rocketmq-proxies'
type Target = { readonly path: string }

class ProxyResolver implements experimental.Resolver {
  readonly #proxies: readonly Address[]
  readonly #listener: experimental.ResolverListener
  /** The latest one counts; none after `destroy`. */
  #asked = 0

  constructor(target: Target, listener: experimental.ResolverListener) {
    this.#proxies = addressesOf(target.path.replaceAll(',', ';'))
    this.#listener = listener
  }

  static getDefaultAuthority(target: Target): string {
    return target.path.split(',')[0]!
  }

  updateResolution(): void {
    const asked = ++this.#asked
    const all = this.#proxies.map(([host, port]) =>
      lookup(host, { all: true }).then(found => found.map(({ address }) => ({ host: address, port }))),
    )
    void Promise.allSettled(all).then(answers => {
      if (asked === this.#asked) this.#listener(endpointsOf(answers), {}, null, '')
    })
  }

  destroy(): void {
    this.#asked++
  }
}

type Places = { host: string; port: number }[]

/** Those that have an address; an error if none has. */
function endpointsOf(answers: readonly PromiseSettledResult<Places>[]): experimental.StatusOr<experimental.Endpoint[]> {
  const places = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  if (places.length > 0) return experimental.statusOrFromValue(places.map(place => ({ addresses: [place] })))
  const details = answers.map(answer => (answer.status === 'rejected' ? String(answer.reason) : '')).join(', ')
  return experimental.statusOrFromError({ code: grpcStatus.UNAVAILABLE, details, metadata: new Metadata() })
}

experimental.registerResolver(SCHEME, ProxyResolver)
