/** The commands that take settings: which schema each has, and what resolves what depends on other settings. Loads nothing. */
import type { z } from 'zod'
import { coreSchema } from './core.ts'
import { edgeSchema } from './edge.ts'
import { doubtsOfEdge } from './link-policy.ts'
import { resolveCore, resolveEdge, resolveStart } from './policy.ts'
import { configSchema } from './schema.ts'
import { Catalog } from './settings.ts'

export class Command<S, C> {
  readonly name: 'start' | 'edge' | 'core'
  readonly schema: z.ZodType<S>
  /** The settings in force. Throws a ConfigError for what must not run. */
  readonly resolve: (settings: S) => C
  /** What may run but is probably not meant. */
  readonly doubts: (config: C) => readonly string[]
  #catalog: Catalog | undefined

  constructor(
    name: Command<S, C>['name'],
    schema: z.ZodType<S>,
    resolve: (settings: S) => C,
    doubts: (config: C) => readonly string[] = () => [],
  ) {
    this.name = name
    this.schema = schema
    this.resolve = resolve
    this.doubts = doubts
  }

  get catalog(): Catalog {
    this.#catalog ??= new Catalog(this.schema)
    return this.#catalog
  }
}

export const START = new Command('start', configSchema, settings => resolveStart(settings, false))
export const EDGE = new Command('edge', edgeSchema, settings => resolveEdge(settings, false), doubtsOfEdge)
export const CORE = new Command('core', coreSchema, resolveCore)

/** On a host that listens itself. */
export const HOSTED = new Command('start', configSchema, settings => resolveStart(settings, true))
export const HOSTED_EDGE = new Command('edge', edgeSchema, settings => resolveEdge(settings, true), doubtsOfEdge)

export const COMMANDS = [START, EDGE, CORE] as const
