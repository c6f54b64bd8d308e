/** What authentication and authorisation look like to a session. Implementations live beside this file. */
import type { Tenant } from '../../core/contract/ids.ts'
import type { Peer } from '../listen/transport.ts'
import type { Connect } from '../wire/packets.ts'
import type { ReasonCode } from '../wire/reason.ts'

/** Who a connection is, once authenticated. */
export interface Identity {
  readonly tenant: Tenant
  readonly clientId: string
  readonly username: string | undefined
}

export type AuthVerdict =
  | { readonly do: 'accept'; readonly username: string | undefined; readonly tenant: Tenant }
  /** `detail` is for the log and never goes on the wire. */
  | { readonly do: 'refuse'; readonly reason: ReasonCode; readonly detail: string }
  /** Not this method's business: ask the next one. Where there is none, the client is refused with 0x87. */
  | { readonly do: 'next' }

/** One way to check a CONNECT without AUTH exchange. A backend that cannot be reached answers 0x88, never "bad password". */
export interface Authenticator {
  readonly name: string
  authenticate(connect: Connect, peer: Peer): AuthVerdict | Promise<AuthVerdict>
}

export type EnhancedStep =
  /** Send AUTH 0x18 with `data`. */
  | { readonly do: 'continue'; readonly data: Uint8Array | undefined }
  | {
      readonly do: 'accept'
      readonly username: string | undefined
      readonly tenant: Tenant
      readonly data: Uint8Array | undefined
    }
  | { readonly do: 'refuse'; readonly reason: ReasonCode; readonly detail: string }

/** One running exchange of an enhanced method [MQTT5 4.12]. */
export interface EnhancedExchange {
  next(data: Uint8Array | undefined): EnhancedStep | Promise<EnhancedStep>
}

/** An enhanced authentication method, found by the Authentication Method of CONNECT. */
export interface EnhancedMethod {
  readonly method: string
  begin(connect: Connect, peer: Peer, reauthentication: boolean): EnhancedExchange
}

export type Action = 'publish' | 'subscribe' | 'receive'

/** Rights. Synchronous: it is asked on the hot path. */
export interface Authorizer {
  /** True if nothing is ever refused for this action: the caller need not ask per message. */
  unrestricted(action: Action): boolean
  /** `topic` is a topic name, or for `subscribe` a filter without its `$share/{group}/`. */
  allows(identity: Identity, action: Action, topic: string): boolean
}

export interface Auth {
  /** Decides about a CONNECT without AUTH exchange; several methods are one by `makeAuth` (`chain.ts`). */
  readonly authenticator: Authenticator
  readonly enhanced: readonly EnhancedMethod[]
  readonly authorizer: Authorizer
}
