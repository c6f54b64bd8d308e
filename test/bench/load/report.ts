/** The numbers a run of the generator reports, under the names that `mqttload` uses too; computes nothing. */

/** Rates per second, times in ms where the name says so, CPU in microseconds, memory in KiB or MB (10^6 bytes). */
export type Measure =
  | 'pubs'
  | 'subs'
  | 'rate'
  | 'sent_per_s'
  | 'delivered_per_s'
  | 'lost'
  | 'dup'
  | 'out_of_order'
  | 'stray'
  | 'closed'
  | 'unsent'
  | 'p50_ms'
  | 'p99_ms'
  | 'p999_ms'
  | 'ack_p50_ms'
  | 'ack_p99_ms'
  | 'unacked'
  | 'late_p99_ms'
  | 'load_cores'
  | 'cpu_cores'
  | 'cpu_us_per_delivery'
  | 'rss_mb'
  | 'connections'
  | 'fails'
  | 'per_s'
  | 'cpu_us_per_connect'
  | 'rss_kib_per_conn'
  | 'retained_per_s'
  | 'delivered'
  | 'first_ms'
  | 'all_ms'
  | 'match_us'
  | 'match_p99_us'
  | 'other_cores'

export type LoadReport = {
  readonly scenario: string
  readonly qos: number
  readonly v: number
  readonly size: number
} & { readonly [M in Measure]?: number }

/** Rounds to a number of decimal places. */
export const round = (value: number, places: number): number => Math.round(value * 10 ** places) / 10 ** places
