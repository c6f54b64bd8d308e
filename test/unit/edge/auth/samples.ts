/** A CONNECT and a peer to build on, for tests of authentication. */
import { DEFAULT_TENANT } from '../../../../core/contract/ids.ts'
import type { Identity } from '../../../../edge/auth/ports.ts'
import type { Peer } from '../../../../edge/listen/transport.ts'
import type { Connect } from '../../../../edge/wire/packets.ts'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const connectAs = (username?: string, password?: string): Connect => ({
  version: 5,
  clientId: 'c1',
  cleanStart: true,
  keepAliveSec: 60,
  username,
  password: password === undefined ? undefined : bytes(password),
  will: undefined,
  sessionExpirySec: undefined,
  receiveMaximum: undefined,
  maximumPacketSize: undefined,
  topicAliasMaximum: undefined,
  requestResponseInformation: false,
  requestProblemInformation: true,
  userProperties: [],
  authenticationMethod: undefined,
  authenticationData: undefined,
})

export const peerAt = (address: string, certificateName?: string): Peer => ({
  address,
  port: 5000,
  listener: 'tcp',
  certificateName,
  secure: false,
})

export const identity = (clientId: string, username?: string): Identity => ({
  tenant: DEFAULT_TENANT,
  clientId,
  username,
})

/** Cheap enough for tests; the form is that of a real entry. */
export const CHEAP = { ln: 4, r: 1, p: 1 }
