/** All rows, in one list. */
import { ACL_BOTH } from './both/acl.ts'
import { CONNECT_BOTH, LEVELS } from './both/connect.ts'
import { LIMITS_BOTH } from './both/limits.ts'
import { MALFORMED_BOTH } from './both/malformed.ts'
import { PUBLISH_BOTH } from './both/publish.ts'
import { RETAINED_BOTH } from './both/retained.ts'
import { SESSION_BOTH } from './both/session.ts'
import { SPECIAL_BOTH } from './both/special.ts'
import { SUBSCRIBE_BOTH } from './both/subscribe.ts'
import { WILL_BOTH } from './both/will.ts'
import type { Row } from './row.ts'
import { WEBSOCKET } from './transport/websocket.ts'
import { CONNECT_V3 } from './v3/connect.ts'
import { ALIAS_V5 } from './v5/alias.ts'
import { CONNECT_V5 } from './v5/connect.ts'
import { DISCONNECT_V5 } from './v5/disconnect.ts'
import { FLOW_V5 } from './v5/flow.ts'
import { PUBLISH_V5 } from './v5/publish.ts'
import { SETTINGS_V5 } from './v5/settings.ts'
import { SUBSCRIBE_V5 } from './v5/subscribe.ts'
import { WILL_V5 } from './v5/will.ts'

export const ROWS: readonly Row[] = [
  ...CONNECT_BOTH,
  ...LEVELS,
  ...PUBLISH_BOTH,
  ...RETAINED_BOTH,
  ...SUBSCRIBE_BOTH,
  ...SESSION_BOTH,
  ...WILL_BOTH,
  ...MALFORMED_BOTH,
  ...SPECIAL_BOTH,
  ...CONNECT_V3,
  ...CONNECT_V5,
  ...PUBLISH_V5,
  ...ALIAS_V5,
  ...FLOW_V5,
  ...SUBSCRIBE_V5,
  ...WILL_V5,
  ...DISCONNECT_V5,
  ...SETTINGS_V5,
  ...WEBSOCKET,
  ...LIMITS_BOTH,
  ...ACL_BOTH,
]
