/** The `$SYS` topics: figures of this process, published as retained messages that are kept in memory only. */
import type { TopicName } from '../../core/contract/ids.ts'
import { DEFAULT_TENANT } from '../../core/contract/ids.ts'
import type { Core } from '../../core/core.ts'
import type { CoreStats } from '../../core/stats.ts'
import type { EdgeStats } from '../../edge/stats.ts'
import { VERSION } from '../version.ts'

const PREFIX = '$SYS/broker'

type Figures = Record<string, number | string>

/** Of a core, whatever edges it has. Topic below `$SYS/broker` → figure. */
export const coreFigures = (core: CoreStats, uptimeSec: number): Figures => ({
  version: `meridian ${VERSION}`,
  uptime: uptimeSec,
  'clients/connected': core.nowOnline,
  'clients/total': core.nowSessions,
  'clients/disconnected': core.nowSessions - core.nowOnline,
  'publish/messages/received': core.published,
  'publish/messages/dropped': core.inboxDropped,
  'store/messages/count': core.nowInboxMessages,
  'store/messages/bytes': core.nowInboxBytes,
  'retained messages/count': core.nowRetained,
  'subscriptions/count': core.nowSubscriptions,
})

/** As `coreFigures`, of a process that is the only edge too. */
export const sysFigures = (edge: EdgeStats, core: CoreStats, uptimeSec: number): Figures => ({
  ...coreFigures(core, uptimeSec),
  'clients/connected': edge.nowSessions,
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
  'subscriptions/count': edge.nowSubscriptions,
})

/** Publishes the figures that changed since the last call. */
export class SysTopics {
  readonly #core: Pick<Core, 'publish'>
  readonly #last = new Map<string, string>()
  readonly #text = new TextEncoder()

  constructor(core: Pick<Core, 'publish'>) {
    this.#core = core
  }

  /** Now, and then every so many seconds; 0: never. The result ends it. */
  every(intervalSec: number, figures: () => Figures): () => void {
    if (intervalSec === 0) return () => {}
    this.publish(figures())
    const timer = setInterval(() => this.publish(figures()), intervalSec * 1000)
    return () => clearInterval(timer)
  }

  publish(figures: Figures): void {
    for (const [name, figure] of Object.entries(figures)) {
      const value = String(figure)
      if (this.#last.get(name) === value) continue
      this.#last.set(name, value)
      const topic = `${PREFIX}/${name}` as TopicName
      this.#core.publish({ tenant: DEFAULT_TENANT, topic, qos: 0, retain: true, payload: this.#text.encode(value) })
    }
  }
}
