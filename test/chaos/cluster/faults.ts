/** The faults a cluster suffers. Each ends with everything that it stopped running again, or leaves that to the rig's `heal`. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ManagedProcess } from '../../../infra/local/process.ts'
import type { Servers } from '../../harness/site.ts'
import type { Cluster } from './cluster.ts'
import type { Fault, FaultContext } from './rig.ts'

type Run = Fault['run']

const pick = <T>(random: () => number, all: readonly T[]): T => all[Math.floor(random() * all.length)]!
const between = (random: () => number, low: number, high: number): number => low + random() * (high - low)

/** `patience` shortens long outages. */
export function clusterFaults(cluster: Cluster, patience: number): Fault[] {
  const outage = (ms: number): number => ms * patience
  const { servers } = cluster
  const shared =
    servers === undefined ? [] : [...standbyFaults(cluster), ...serverFaults(servers), ...redisFaults(servers, outage)]
  return [...processFaults(cluster), ...linkFaults(cluster, outage), ...shared]
}

function processFaults(cluster: Cluster): Fault[] {
  const killEdge = async ({ random, sleep, begins }: FaultContext): Promise<void> => {
    const { process } = pick(random, cluster.edges)
    begins()
    await process.kill9()
    await sleep(between(random, 500, 4_000))
    await process.start()
  }
  const killCore = async ({ random, sleep, begins }: FaultContext): Promise<void> => {
    const { process } = await cluster.active()
    begins()
    await process.kill9()
    if (cluster.cores.length > 1) await cluster.active()
    await sleep(between(random, 0, 1_000))
    await process.start()
  }
  return [
    { name: 'edge-kill', text: 'kill -9 an edge', run: killEdge },
    { name: 'core-kill', text: 'kill -9 the active core; one that stands by takes over', run: killCore },
    { name: 'edge-and-core-kill', text: 'kill -9 the active core and an edge at once', run: killBoth(cluster) },
    { name: 'core-restart', text: 'SIGTERM the active core', run: restartCore(cluster) },
    {
      name: 'takeover',
      text: '1,000 connects of one client id, at one edge after the other',
      async run({ begins, bounce }) {
        begins()
        await bounce(1_000)
      },
    },
  ]
}

function standbyFaults(cluster: Cluster): Fault[] {
  return [
    {
      name: 'core-kill-twice',
      text: 'kill -9 the next core while it recovers the first one’s log',
      run: killTwice(cluster),
    },
    {
      name: 'core-stop',
      text: 'SIGSTOP the active core for 15 s, then SIGCONT: a zombie',
      mayEndCores: true,
      run: zombie(cluster),
    },
  ]
}

function killTwice(cluster: Cluster): Run {
  return async ({ random, sleep, begins }) => {
    const first = await cluster.active()
    const second = cluster.cores.find(core => core !== first) ?? first
    begins()
    await first.process.kill9()
    // The lease of five seconds has to end first, then recovery takes some tenths of a second.
    await sleep(between(random, 3_500, 6_500))
    await second.process.kill9()
    await Promise.all([first.process.start(), second.process.start()])
    await cluster.active()
  }
}

function killBoth(cluster: Cluster): Run {
  return async ({ random, sleep, begins }) => {
    const core = await cluster.active()
    const edge = pick(random, cluster.edges)
    begins()
    await Promise.all([core.process.kill9(), edge.process.kill9()])
    await sleep(between(random, 500, 3_000))
    await Promise.all([core.process.start(), edge.process.start()])
    await cluster.active()
  }
}

function restartCore(cluster: Cluster): Run {
  return async ({ begins }) => {
    const { process } = await cluster.active()
    begins()
    await process.stop()
    if (cluster.cores.length > 1) await cluster.active()
    await process.start()
  }
}

function zombie(cluster: Cluster): Run {
  return async ({ sleep, begins }) => {
    const { process } = await cluster.active()
    begins()
    process.pause()
    await sleep(15_000)
    process.resume()
    await sleep(2_000)
  }
}

function serverFaults({ rocketmq }: Servers): Fault[] {
  const restarted = (server: ManagedProcess, hard: boolean): Run => {
    return async ({ begins }) => {
      // Until it has ended politely it serves.
      if (!hard) await server.stop()
      begins()
      await server.kill9()
      await server.start()
    }
  }
  return [
    { name: 'broker-restart', text: 'SIGTERM the broker, start it', run: restarted(rocketmq.broker, false) },
    { name: 'broker-kill', text: 'kill -9 the broker, start it', run: restarted(rocketmq.broker, true) },
    { name: 'proxy-kill', text: 'kill -9 the proxy, start it', run: restarted(rocketmq.proxy, true) },
    { name: 'namesrv-kill', text: 'kill -9 the name server, start it', run: restarted(rocketmq.namesrv, true) },
  ]
}

function redisFaults({ redis }: Servers, outage: (ms: number) => number): Fault[] {
  const { server } = redis
  const log = (folder: string): string => join(server.logFile, '..', folder)
  return [
    {
      name: 'redis-kill',
      text: 'kill -9 Redis, start it on its append-only file',
      async run({ begins }) {
        begins()
        await server.kill9()
        await server.start()
      },
    },
    {
      name: 'redis-away',
      text: 'Redis stopped for 60 s, then started on its append-only file',
      mayEndCores: true,
      async run({ begins, sleep }) {
        begins()
        await server.stop()
        await sleep(outage(60_000))
        await server.start()
      },
    },
    {
      name: 'redis-hangs',
      text: 'SIGSTOP Redis for 10 s: connections stay, nothing answers',
      mayEndCores: true,
      async run({ begins, sleep }) {
        begins()
        server.pause()
        await sleep(10_000)
        server.resume()
      },
    },
    {
      name: 'redis-rollback',
      text: 'Redis fails over to a copy that lacks the last seconds',
      mayEndCores: true,
      async run({ begins, sleep, random }) {
        rmSync(log('older'), { recursive: true, force: true })
        cpSync(log('appendonlydir'), log('older'), { recursive: true })
        await sleep(between(random, 2_000, 4_000))
        begins()
        await server.kill9()
        rmSync(log('appendonlydir'), { recursive: true })
        cpSync(log('older'), log('appendonlydir'), { recursive: true })
        await server.start()
      },
    },
  ]
}

function linkFaults(cluster: Cluster, outage: (ms: number) => number): Fault[] {
  const cutFor = (how: 'silence' | 'reset', ms: number, migrants: boolean): Run => {
    return async ({ random, sleep, begins, migrate }) => {
      const edge = pick(random, cluster.edges)
      begins()
      for (const relay of edge.relays) relay.cut(how)
      if (migrants) {
        await sleep(between(random, 0, ms / 4))
        await migrate(edge.place)
      }
      await sleep((ms * 3) / 4)
      for (const relay of edge.relays) relay.heal()
    }
  }
  return [
    {
      name: 'link-cut',
      text: 'no byte passes between an edge and the cores for 30 s; half of its devices go elsewhere',
      run: cutFor('silence', outage(30_000), true),
    },
    {
      name: 'link-reset',
      text: 'the link of an edge is reset, and refused for 8 s',
      run: cutFor('reset', 8_000, false),
    },
    {
      name: 'link-flap',
      text: 'the links of an edge end ten times, and may come back at once',
      async run({ random, sleep, begins }) {
        const edge = pick(random, cluster.edges)
        begins()
        for (let i = 0; i < 10; i++) {
          for (const relay of edge.relays) relay.cut('reset')
          await sleep(between(random, 5, 300))
          for (const relay of edge.relays) relay.heal()
          await sleep(between(random, 50, 500))
        }
      },
    },
  ]
}
