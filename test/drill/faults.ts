/** The scenarios that happen to a whole crowd under load. Each ends with everything that it stopped running again. */
import type { Regions } from '../../infra/local/regions/start.ts'
import { sleep, until } from '../harness/process.ts'
import { placeOf } from './crowd.ts'
import { drain } from './drain.ts'
import type { Scenario, Scene } from './scenario.ts'

const OUTAGE_MS = 20_000
const SWITCH_MS = 60_000
/** The next one follows when the one before has been ready for so long. */
const READY_MS = 3_000
/** SIGTERM of an edge sends its clients away first. */
const POLITE_MS = 60_000
const [KILLED, SILENT] = ['killed', 'silent']
const [WITH_REDIS, WITHOUT_REDIS] = ['Redis reachable', 'Redis cut off']

/** A region with a site. */
const victimOf = ({ sites, random }: Scene): string => sites[Math.floor(random() * sites.length)]!

const outage = ({ settings, random }: Scene): Promise<void> =>
  sleep(OUTAGE_MS * settings.patience * (0.75 + random() / 2))

/** The signals are sent when the call returns; it resolves when the processes are gone. */
async function strikes(kill: Promise<void>, struck: () => void): Promise<void> {
  struck()
  await kill
}

const regionLoss: Scenario = {
  name: 'region-loss',
  text: 'kill -9 of everything in a region, RocketMQ included; with odd seeds its lines fall silent before. Restored later',
  variants: [KILLED, SILENT],
  edges: 1,
  cores: 1,
  async run(scene) {
    const { regions, begins, struck, returns, healed, step, variant } = scene
    const name = victimOf(scene)
    const region = regions.regions[name]!
    const silent = variant === SILENT
    step(`${name} is lost, ${variant}`)
    // Silence is noticed a while later.
    if (silent) await region.cut()
    begins([name])
    await strikes(region.kill(), struck)
    await outage(scene)
    step(`${name} comes back`)
    returns()
    if (silent) await region.heal()
    await region.restore()
    healed()
  },
}

const siteLoss: Scenario = {
  name: 'site-loss',
  text: 'kill -9 of RocketMQ and the cores of a site; its edges live on and link to another site. Restored later',
  edges: 1,
  cores: 1,
  async run(scene) {
    const { regions, begins, struck, returns, healed, step } = scene
    const name = victimOf(scene)
    step(`${name} loses its site`)
    begins([name])
    await strikes(regions.regions[name]!.kill('site'), struck)
    await outage(scene)
    step(`${name} gets its site back`)
    returns()
    await regions.regions[name]!.restore()
    healed()
  },
}

const partition: Scenario = {
  name: 'partition',
  text: 'a region is cut off from the others, with odd seeds from Redis, too; devices reach both sides, and some change sides',
  variants: [WITH_REDIS, WITHOUT_REDIS],
  edges: 1,
  cores: 1,
  closedWithinMs: 10_000,
  async run(scene) {
    const { regions, begins, struck, returns, healed, step, apart, variant, crowd, figures, findings } = scene
    const name = victimOf(scene)
    const region = regions.regions[name]!
    const keepRedis = variant === WITH_REDIS
    step(`${name} is cut off, ${variant}`)
    await region.cut({ wanOnly: true, keepRedis })
    begins([name])
    // Without Redis it cannot renew its lease.
    if (!keepRedis) apart([name])
    struck()
    await outage(scene)
    await crossOver(scene, name)
    const inside = crowd.connectedTo([name])
    const before = scene.acknowledged(inside)
    await outage(scene)
    const after = scene.acknowledged(inside)
    for (const side of ['inside', 'outside'] as const) {
      const served = after[side] - before[side]
      figures.set(`acknowledged ${side}`, served)
      if (served === 0) findings.push(`Nothing was acknowledged ${side} of ${name} while it was cut off`)
    }
    step(`${name} is connected again`)
    returns()
    await region.heal()
    healed()
  },
}

/** Roamers go to the other side; for their gateway the connection they had lives on. */
async function crossOver({ crowd, regions, findings }: Scene, name: string): Promise<void> {
  const places = regions.endpointsFrom().map(one => placeOf({ region: one.name, url: one.mqtt }))
  await Promise.all(
    crowd.roamers.map(async roamer => {
      const isInside = roamer.line?.edge === name
      const there = places.find(place => (place.name === name) !== isInside)!
      // Inside, without Redis, nobody can be let in.
      if (!(await roamer.attach(there)) && isInside)
        findings.push(`${roamer.name} could not connect to ${there.name} while ${name} was cut off`)
    }),
  )
}

const redisLoss: Scenario = {
  name: 'redis-loss',
  text: 'kill -9 of Redis, which comes back 20 s later with its append-only file',
  edges: 1,
  cores: 1,
  async run(scene) {
    const { regions, begins, struck, healed, step, settings } = scene
    step('Redis is lost')
    begins(Object.keys(regions.regions))
    await strikes(regions.redis.kill(), struck)
    await sleep(OUTAGE_MS * settings.patience)
    step('Redis comes back')
    await regions.redis.restore()
    healed()
  },
}

const rollingUpgrade: Scenario = {
  name: 'rolling-upgrade',
  text: 'every edge, then every core, gets SIGTERM and is started again, one after the other',
  edges: 2,
  cores: 2,
  async run({ regions, begins, struck, healed, step, sites, settings }) {
    begins(Object.keys(regions.regions))
    struck()
    for (const region of Object.values(regions.regions)) {
      for (const { name } of region.edges) {
        step(`${region.name} ${name}`)
        await region.stop(name, POLITE_MS)
        await region.restore()
        await sleep(READY_MS * settings.patience)
      }
    }
    for (const site of sites) {
      for (const { name } of regions.regions[site]!.cores) {
        step(`${site} ${name}`)
        await regions.regions[site]!.stop(name, POLITE_MS)
        await someActive(regions, site)
        await regions.regions[site]!.restore()
        await sleep(READY_MS * settings.patience)
      }
    }
    healed()
  },
}

const someActive = (regions: Regions, site: string): Promise<true> =>
  until(`a core of ${site} to serve`, SWITCH_MS, async () => {
    const answers = regions.regions[site]!.cores.map(({ http }) => fetch(`${http}/readyz`).catch(() => undefined))
    return (await Promise.all(answers)).some(one => one?.ok) ? true : undefined
  })

export const FAULTS: readonly Scenario[] = [regionLoss, siteLoss, partition, redisLoss, rollingUpgrade, drain]
