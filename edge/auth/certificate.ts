/** The method that trusts the listener: a verified client certificate names the user. Checks no certificate itself. */
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Authenticator } from './ports.ts'

/** The user is the certificate's common name, whatever CONNECT says. Peers without one are another method's business. */
export const certificate: Authenticator = {
  name: 'certificate',
  authenticate: (_connect, peer) =>
    peer.certificateName === undefined
      ? { do: 'next' }
      : { do: 'accept', username: peer.certificateName, tenant: DEFAULT_TENANT },
}
