/** Plain counters as Prometheus metrics, read when somebody asks. Knows no counter by name. */
import { Counter, Gauge, type Registry } from 'prom-client'

const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/**
 * Every counter of `stats` under its own name, `nowX` as the gauge `{prefix}_x`, others as the counter `{prefix}_x_total`.
 * `help` has the meaning of each.
 */
export function registerStats<K extends string>(
  registry: Registry,
  prefix: string,
  stats: Readonly<Record<K, number>>,
  help: Readonly<Record<K, string>>,
): void {
  const registers = [registry]
  for (const field of Object.keys(help) as K[]) {
    if (field.startsWith('now')) {
      new Gauge({
        name: `${prefix}${snake(field.slice(3))}`,
        help: help[field],
        registers,
        collect() {
          this.set(stats[field])
        },
      })
    } else {
      new Counter({
        name: `${prefix}_${snake(field)}_total`,
        help: help[field],
        registers,
        collect() {
          this.reset()
          this.inc(stats[field])
        },
      })
    }
  }
}

/** Who this is, as labels of a metric that is always 1. */
export function registerIdentity(
  registry: Registry,
  kind: 'edge' | 'core',
  labels: Readonly<Record<string, string>>,
): void {
  new Gauge({
    name: `meridian_${kind}_info`,
    help: `Name and place of this ${kind}, as labels; always 1`,
    labelNames: Object.keys(labels),
    registers: [registry],
  }).set(labels, 1)
}
