/** The rig of a whole site: RocketMQ, Redis, two cores of which one stands by, edges, and a relay on every link. Or one core with its data on the disk instead. */
import { type EdgeNode, type Site, startSite } from '../../harness/site.ts'
import { clusterFaults } from './faults.ts'
import { Relay } from './relay.ts'
import type { Place, Rig } from './rig.ts'

/** An edge and its links, one to each core, which can be cut. */
export interface LinkedEdge extends EdgeNode {
  readonly place: Place
  readonly relays: readonly Relay[]
}

/** What faults work on. */
export interface Cluster extends Omit<Site, 'edges'> {
  readonly edges: readonly LinkedEdge[]
}

export interface ClusterOptions {
  readonly folder: string
  readonly stores: 'servers' | 'embedded'
  readonly edges: number
  /** Times of long outages are multiplied with it: 1 as the table of guarantees has them, less in CI. */
  readonly patience: number
  readonly onStep?: (text: string) => void
}

export async function startCluster({ folder, stores, edges, patience, onStep }: ClusterOptions): Promise<Rig> {
  const relays: (readonly [edge: number, relay: Relay])[] = []
  const site = await startSite({
    folder,
    stores,
    cores: stores === 'embedded' ? 1 : 2,
    edges,
    ...(onStep && { onStep }),
    async linkPort(edge, core) {
      const relay = await Relay.to(core.httpPort)
      relays.push([edge, relay])
      return relay.port
    },
  })
  const linked = site.edges.map((edge, i) => ({
    ...edge,
    place: { name: edge.name, port: edge.mqttPort },
    relays: relays.flatMap(([number, relay]) => (number === i + 1 ? [relay] : [])),
  }))
  return {
    places: linked.map(edge => edge.place),
    faults: clusterFaults({ ...site, edges: linked }, patience),
    folder,
    async heal() {
      const gone = site.processes.filter(one => one.pid === undefined)
      const ended = gone.map(one => ({ name: one.name, isCore: one.kind === 'core', log: one.logTail() }))
      for (const one of gone) await one.start()
      await site.ready()
      return ended
    },
    faultsInLogs: () => site.servers?.rocketmq.faults() ?? [],
    async stop() {
      await site.stop()
      for (const [, relay] of relays) relay.close()
    },
  }
}
