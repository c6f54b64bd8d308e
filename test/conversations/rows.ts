/** All rows, in one list. */
import { ACL_BOTH } from './both/acl.ts'
import { CONNECT_BOTH, LEVELS } from './both/connect.ts'
import { LIMITS_BOTH } from './both/limits.ts'
import { MALFORMED_BOTH } from './both/malformed.ts'
import { PUBLISH_BOTH } from './both/publish.ts'
import { SESSION_BOTH } from './both/session.ts'
import { SPECIAL_BOTH } from './both/special.ts'
import { SUBSCRIBE_BOTH } from './both/subscribe.ts'
import { WILL_BOTH } from './both/will.ts'
import type { Row } from './row.ts'
import { CONNECT_V3 } from './v3/connect.ts'

export const ROWS: readonly Row[] = [
  ...CONNECT_BOTH,
  ...LEVELS,
  ...PUBLISH_BOTH,
  ...SUBSCRIBE_BOTH,
  ...SESSION_BOTH,
  ...WILL_BOTH,
  ...MALFORMED_BOTH,
  ...SPECIAL_BOTH,
  ...CONNECT_V3,
  ...LIMITS_BOTH,
  ...ACL_BOTH,
]
