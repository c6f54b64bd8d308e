/** The method that trusts the listener: a verified client certificate names the user. Checks no certificate itself. */
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Peer } from '../listen/transport.ts'
import type { Authenticator } from './ports.ts'

/**
 * The user is the certificate's common name, whatever CONNECT says. Works for the listeners of these kinds only: elsewhere a
 * certificate may be asked for besides a password, or be a name that only a PROXY header claims. Other peers are another
 * method's business.
 */
export const certificate = (kinds: readonly Peer['listener'][]): Authenticator => ({
  name: 'certificate',
  authenticate: (_connect, peer) =>
    peer.certificateName === undefined || !kinds.includes(peer.listener)
      ? { do: 'next' }
      : { do: 'accept', username: peer.certificateName, tenant: DEFAULT_TENANT },
})
