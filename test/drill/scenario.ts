/** The shape of a fault that a whole crowd of devices goes through, and what it may use. */
import type { Regions } from '../../infra/local/regions/start.ts'
import type { Record } from '../history/recorder.ts'
import type { Crowd } from './crowd.ts'
import type { Settings } from './settings.ts'

export interface Scene {
  readonly regions: Regions
  readonly crowd: Crowd
  readonly settings: Settings
  /** From 1 on, over all scenarios. */
  readonly round: number
  /** Begins anew with each round: the round's seed repeats its choices. */
  readonly random: () => number
  /** One of the scenario's. */
  readonly variant: string
  readonly record: Record
  /** Regions that have a RocketMQ. */
  readonly sites: readonly string[]
  /** The harm is done right after this call, to devices that are connected to these regions: times count from here. */
  begins(regions: readonly string[]): void
  /** It is done: all of them publish, and what is sent from now on shows when the fault is over for whom. */
  struck(): void
  /** What was lost or cut off begins to come back. */
  returns(): void
  /** Everything is as it was. */
  healed(): void
  /** These could not be reached by others, who may take them for dead: their wills may come. */
  apart(regions: readonly string[]): void
  /** How many messages these clients, and the others, have had acknowledged in this round. */
  acknowledged(inside: ReadonlySet<string>): { readonly inside: number; readonly outside: number }
  step(text: string): void
  /** What this scenario counts besides. */
  readonly figures: Map<string, number>
  readonly findings: string[]
}

export interface Scenario {
  readonly name: string
  readonly text: string
  /** What happens differs from round to round, in turns. */
  readonly variants?: readonly string[]
  /** Needed in each region, and at each site. */
  readonly edges: number
  readonly cores: number
  /** An older connection has ended so long after the newer one began; default: not judged. */
  readonly closedWithinMs?: number
  run(scene: Scene): Promise<void>
}

/** A round that is to be played. */
export interface Turn {
  readonly scenario: Scenario
  /** Decides all that is drawn in it, and the variant. */
  readonly seed: number
}

export const variantOf = ({ scenario: { variants }, seed }: Turn): string | undefined =>
  variants?.[seed % variants.length]
