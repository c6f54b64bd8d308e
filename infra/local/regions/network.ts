/**
 * Network namespaces: one per region and `global`, joined by pairs of virtual Ethernet devices. Knows addresses and links, no processes and no ports.
 *
 *     host ── devices ── region ── wan ──── global
 *       └──────────────────┼─────  redis ──   │
 *       └──────────────────────────────────── host
 *
 * Nothing is forwarded: what leads from region to region is a program in `global`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Way } from './plan.ts'

/** Whose address: the region's end towards devices or the other regions; the ends of `global` towards a region; its end towards the host. */
export type Place = 'devices' | 'wan' | 'hub-wan' | 'hub-redis' | 'global'

const MAX_NETWORKS = 100
const FREED_MS = 5_000

/** `region` is its number; for `global` it is not looked at. Out of 198.18.0.0/15, which is for tests of networks [RFC 2544, appendix C.2.2]; what regions and `global` have between them is the same in every installation. */
export function addressOf(network: number, place: Place, region: number): string {
  switch (place) {
    case 'devices':
      return `198.18.${network}.${4 * region + 2}`
    case 'global':
      return `198.18.${network}.254`
    case 'wan':
      return `198.19.0.${4 * region + 2}`
    case 'hub-wan':
      return `198.19.0.${4 * region + 1}`
    case 'hub-redis':
      return `198.19.1.${4 * region + 1}`
  }
}

export const namespaceOf = (network: number, name: string): string => `mrd${network}-${name}`
/** The words that run a program in it. */
export const inNamespace = (namespace: string): string[] => ['nsenter', `--net=/run/netns/${namespace}`, '--']

let works: boolean | undefined
/** True if this user can make namespaces and devices here. */
export function namespacesWork(): boolean {
  works ??= tryOut()
  return works
}

function tryOut(): boolean {
  const name = `mrd-try-${process.pid}`
  if (process.getuid?.() !== 0 || ip(['netns', 'add', name]).status !== 0) return false
  const words = [...inNamespace(name), 'ip', 'link', 'add', 'try-1', 'type', 'veth', 'peer', 'name', 'try-2']
  const made = spawnSync(words[0]!, words.slice(1)).status === 0
  ip(['netns', 'del', name])
  return made
}

/** Takes the lowest number that nobody has: `global` of it is there from then on. @throws Error if there is none */
export function claimNetwork(): number {
  for (let network = 0; network < MAX_NETWORKS; network++)
    if (ip(['netns', 'add', namespaceOf(network, 'global')]).status === 0) return network
  throw new Error(
    `No network namespace 'mrdN-global' can be made, N from 0 to ${MAX_NETWORKS - 1}; 'ip netns' lists them`,
  )
}

/** True if it is there and belongs to the installation in this folder: numbers are given again. */
export function hasNetwork(network: number, dir: string): boolean {
  try {
    return readFileSync(`/sys/class/net/${hostDevice(network)}/ifalias`, 'utf8').trim() === dir
  } catch {
    return false
  }
}

/** After `claimNetwork`, for the installation in this folder. @throws Error with what ip said */
export function buildNetwork(network: number, dir: string, regions: readonly string[]): void {
  const global = namespaceOf(network, 'global')
  const pair = (mine: string, namespace: string, theirs: string): string =>
    `link add ${mine} netns ${global} type veth peer name ${theirs} netns ${namespace}`
  batch([], ...regions.map(name => `netns add ${namespaceOf(network, name)}`))
  // The addresses of Ethernet are said, not asked for: who dials into a cut is not told that nobody answers there.
  batch(
    [],
    `link add ${hostDevice(network)} type veth peer name host netns ${global}`,
    ...regions.flatMap((name, i) => [
      `link add ${hostDevice(network, i)} type veth peer name devices address ${ethernet(i, 0)} netns ${namespaceOf(network, name)}`,
      pair(`wan${i} address ${ethernet(i, 1)}`, namespaceOf(network, name), 'wan'),
      pair(`redis${i} address ${ethernet(i, 2)}`, namespaceOf(network, name), 'redis'),
    ]),
  )
  ip(['link', 'set', 'dev', hostDevice(network), 'alias', dir])
  batch(
    [],
    `addr add 198.18.${network}.253/30 dev ${hostDevice(network)}`,
    `link set ${hostDevice(network)} up`,
    ...regions.flatMap((_, i) => [
      `addr add 198.18.${network}.${4 * i + 1}/30 dev ${hostDevice(network, i)}`,
      `link set ${hostDevice(network, i)} up`,
      `neigh replace ${addressOf(network, 'devices', i)} lladdr ${ethernet(i, 0)} dev ${hostDevice(network, i)} nud permanent`,
    ]),
  )
  batch(
    ['-n', global],
    'link set lo up',
    ...up(`${addressOf(network, 'global', 0)}/30`, 'host'),
    ...regions.flatMap((_, i) => [
      ...up(`${addressOf(network, 'hub-wan', i)}/30`, `wan${i}`),
      ...up(`${addressOf(network, 'hub-redis', i)}/30`, `redis${i}`),
    ]),
  )
  for (const [i, name] of regions.entries())
    batch(
      ['-n', namespaceOf(network, name)],
      'link set lo up',
      ...up(`${addressOf(network, 'devices', i)}/30`, 'devices'),
      ...up(`${addressOf(network, 'wan', i)}/30`, 'wan'),
      ...up(`198.19.1.${4 * i + 2}/30`, 'redis'),
      `neigh replace ${addressOf(network, 'hub-wan', i)} lladdr ${ethernet(i, 1)} dev wan nud permanent`,
      `neigh replace ${addressOf(network, 'hub-redis', i)} lladdr ${ethernet(i, 2)} dev redis nud permanent`,
    )
}

/** Sets links down so that whoever dials over them waits: each time the end that nobody dials from, or that a relay dials from, which goes on trying. */
export function setLinks(network: number, region: { name: string; index: number }, isCut: (way: Way) => boolean): void {
  const state = (way: Way): string => (isCut(way) ? 'down' : 'up')
  batch(['-n', namespaceOf(network, region.name)], `link set devices ${state('devices')}`)
  batch(
    ['-n', namespaceOf(network, 'global')],
    `link set wan${region.index} ${state('wan')}`,
    `link set redis${region.index} ${state('redis')}`,
  )
}

/** Of every program that runs in one of them. */
export function pidsIn(network: number, names: readonly string[]): number[] {
  return names.flatMap(name =>
    ip(['netns', 'pids', namespaceOf(network, name)])
      .stdout.split('\n')
      .filter(line => line !== '')
      .map(Number),
  )
}

/** Resolves when nothing is left of it. What is not there is no error. */
export async function removeNetwork(network: number, regions: readonly string[]): Promise<void> {
  for (const device of [hostDevice(network), ...regions.map((_, i) => hostDevice(network, i))])
    ip(['link', 'del', device])
  for (const name of regions) ip(['netns', 'del', namespaceOf(network, name)])
  const end = Date.now() + FREED_MS
  while (ip(['-o', 'link']).stdout.includes(` ${hostDevice(network)}`) && Date.now() < end) await sleep(20)
  // The last: its name is what keeps the number.
  ip(['netns', 'del', namespaceOf(network, 'global')])
}

const hostDevice = (network: number, region?: number): string => `mrd${network}-${region ?? 'g'}`
const ethernet = (region: number, link: number): string => `02:6d:72:64:0${link}:0${region}`
const up = (address: string, device: string): string[] => [`addr add ${address} dev ${device}`, `link set ${device} up`]

function ip(words: readonly string[], input?: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('ip', words, { encoding: 'utf8', ...(input !== undefined && { input }) })
}

function batch(words: readonly string[], ...lines: readonly string[]): void {
  const { status, stderr } = ip([...words, '-batch', '-'], `${lines.join('\n')}\n`)
  if (status !== 0) throw new Error(`Network of the regions cannot be set up: ip says '${(stderr ?? '').trim()}'`)
}
