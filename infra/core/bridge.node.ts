/** The bridge of a core that has rules for one. */

import type { BridgeStats } from '../../core/bridge/stats.ts'
import { openBridge } from '../../core/log/rocketmq/bridge.node.ts'
import type { RocketmqOptions } from '../../core/log/rocketmq/client.node.ts'
import { asBridge } from '../config/bridge.ts'
import type { CoreConfig } from '../config/core.ts'
import type { Stores } from './stores.ts'

/** Undefined if there are no rules. */
export function bridgeOf(config: CoreConfig, rocketmq: RocketmqOptions, stats: BridgeStats): Stores['bridge'] {
  const { bridge, limits } = config
  if (bridge.in.length + bridge.out.length === 0) return undefined
  return (host, events) =>
    openBridge({ config: asBridge(bridge), rocketmq, host, limits, stats, events, now: Date.now })
}
