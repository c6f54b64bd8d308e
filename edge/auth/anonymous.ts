/** The method that knows nobody and lets everybody in. Asked last, and only if the configuration allows it. */
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Authenticator } from './ports.ts'

/** Accepts without a user name, also if CONNECT has one: a name that nobody checked must not earn the rights of that user. */
export const anonymous: Authenticator = {
  name: 'anonymous',
  authenticate: () => ({ do: 'accept', username: undefined, tenant: DEFAULT_TENANT }),
}
