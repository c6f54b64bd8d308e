/** The results as one SVG picture: CPU per delivery and p99 latency, by scenario and broker. Draws, decides nothing. */
import type { Measure } from './load/report.ts'
import type { BrokerName } from './outcome.ts'
import { brokersOf, overRounds, type Results, type ScenarioResult } from './results.ts'

const COLOURS: readonly (readonly [BrokerName, string])[] = [
  ['meridian', '#2563eb'],
  ['meridian-durable', '#93c5fd'],
  ['mosquitto', '#64748b'],
  ['aedes', '#e0a458'],
]
const WIDTH = 960
const LEFT = 150
const RIGHT = 24
const LABEL = 120
const BAR = 11
const GROUP_GAP = 12
const PANEL_HEAD = 52

interface Panel {
  readonly title: string
  readonly measure: Measure
  /** Share of the width (0…1) that a value takes, given the largest of the panel. */
  readonly scale: (value: number, most: number) => number
}

const LEAST_MS = 0.1
const PANELS: readonly Panel[] = [
  { title: 'CPU per delivery, µs (less is better)', measure: 'cpu_us_per_delivery', scale: (v, most) => v / most },
  {
    title: 'p99 latency from the scheduled send time, ms, logarithmic (less is better)',
    measure: 'p99_ms',
    scale: (v, most) => Math.log(Math.max(v, LEAST_MS) / LEAST_MS) / Math.log(most / LEAST_MS),
  },
]

export const chartOf = (results: Results): string => {
  const traffic = results.scenarios.filter(s =>
    COLOURS.some(([b]) => overRounds(s, b, 'cpu_us_per_delivery') !== undefined),
  )
  let top = 66
  const parts: string[] = []
  for (const panel of PANELS) {
    const drawn = drawPanel(panel, traffic, top)
    parts.push(drawn.svg)
    top = drawn.bottom
  }
  const { machine: m } = results
  const versions = Object.entries(m.versions).map(([broker, version]) => `${broker} ${version}`)
  const facts = `${m.cpu}, ${m.cores} cores, Node ${m.node}; ${versions.join(', ')}; ${m.pinning}; ${results.when.slice(0, 10)}`
  const height = top + 34
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1e293b">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(24, 32, 'Meridian and its peers, one core each', 'font-size="18" font-weight="600"')}
${legend()}
${parts.join('\n')}
${text(24, height - 14, facts, 'font-size="10" fill="#64748b"')}
</svg>
`
}

const drawPanel = (
  panel: Panel,
  scenarios: readonly ScenarioResult[],
  top: number,
): { svg: string; bottom: number } => {
  const all = scenarios.flatMap(s => COLOURS.map(([b]) => overRounds(s, b, panel.measure) ?? 0))
  const most = Math.max(2 * LEAST_MS, ...all)
  const room = WIDTH - LEFT - RIGHT - LABEL
  const parts = [text(24, top + 28, panel.title, 'font-size="14" font-weight="600"')]
  let y = top + PANEL_HEAD
  for (const scenario of scenarios) {
    const begin = y
    for (const [broker, colour] of COLOURS) {
      if (!brokersOf(scenario).includes(broker)) continue
      const value = overRounds(scenario, broker, panel.measure)
      const length = value === undefined ? 0 : Math.max(1, panel.scale(value, most) * room)
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR - 2}" rx="1.5" fill="${colour}"/>`,
      )
      parts.push(text(LEFT + length + 6, y + BAR - 3, label(scenario, broker, value), 'font-size="10" fill="#475569"'))
      y += BAR
    }
    parts.push(text(LEFT - 10, (begin + y) / 2 + 3, scenario.name, 'text-anchor="end"'))
    y += GROUP_GAP
  }
  return { svg: parts.join('\n'), bottom: y }
}

const legend = (): string =>
  COLOURS.map(([broker, colour], i) => {
    const x = 24 + i * 150
    return `<rect x="${x}" y="48" width="12" height="12" rx="2" fill="${colour}"/>\n${text(x + 18, 58, broker)}`
  }).join('\n')

/** The value, and the losses that qualify it. */
const label = (scenario: ScenarioResult, broker: BrokerName, value: number | undefined): string => {
  const lost = overRounds(scenario, broker, 'lost') ?? 0
  const number =
    value === undefined ? 'no result' : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
  return lost > 0 ? `${number} (lost ${lost.toLocaleString('en')})` : number
}

const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`
