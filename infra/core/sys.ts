/** The `$SYS` topics: figures of this process, published as retained messages that are kept in memory only. */
import type { TopicName } from '../../core/contract/ids.ts'
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Core } from '../../core/core.ts'
import type { CoreStats } from '../../core/stats.ts'
import type { EdgeStats } from '../../edge/stats.ts'
import { VERSION } from '../version.ts'

const PREFIX = '$SYS/broker'

/** Topic below `$SYS/broker` → figure. */
export function sysFigures(edge: EdgeStats, core: CoreStats, uptimeSec: number): Record<string, number | string> {
  return {
    version: `meridian ${VERSION}`,
    uptime: uptimeSec,
    'clients/connected': edge.nowSessions,
    'clients/total': core.nowSessions,
    'clients/disconnected': core.nowSessions - core.nowOnline,
    'connections/accepted': edge.accepted,
    'bytes/received': edge.bytesIn,
    'bytes/sent': edge.bytesOut,
    'messages/received': edge.packetsIn,
    'messages/sent': edge.packetsOut,
    'publish/messages/received': edge.publishesIn0 + edge.publishesIn1 + edge.publishesIn2,
    'publish/messages/sent': edge.deliveries0 + edge.deliveries1 + edge.deliveries2,
    'publish/messages/dropped':
      edge.droppedSlowQos0 + edge.droppedQueueFull + edge.droppedTooLarge + edge.droppedExpired + core.inboxDropped,
    'messages/inflight': edge.nowInflight,
    'store/messages/count': edge.nowQueuedMessages + core.nowInboxMessages,
    'store/messages/bytes': edge.nowQueuedBytes + core.nowInboxBytes,
    'retained messages/count': core.nowRetained,
    'subscriptions/count': edge.nowSubscriptions,
  }
}

/** Publishes the figures that changed since the last call. */
export class SysTopics {
  readonly #core: Core
  readonly #last = new Map<string, string>()
  readonly #text = new TextEncoder()

  constructor(core: Core) {
    this.#core = core
  }

  publish(figures: Record<string, number | string>): void {
    for (const [name, figure] of Object.entries(figures)) {
      const value = String(figure)
      if (this.#last.get(name) === value) continue
      this.#last.set(name, value)
      const topic = `${PREFIX}/${name}` as TopicName
      this.#core.publish({ tenant: DEFAULT_TENANT, topic, qos: 0, retain: true, payload: this.#text.encode(value) })
    }
  }
}
