/** `npm run bench:readme`: puts the latest whole runs of the benchmarks, the failure tests and the drills into README.md and docs/benchmarks.md, between their markers. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ChaosReport } from '../chaos/cluster/report.ts'
import { keptResults } from '../drill/kept.ts'
import { readmePart as drillPart } from '../drill/report.ts'
import type { ClusterResults } from './cluster/results.ts'
import { barsPart, benchPart, chaosPart, clusterPart, withPart } from './readme.ts'
import type { Results } from './results.ts'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const README = path('../../README.md')
const BENCHMARKS = path('../../docs/benchmarks.md')
/** Name of the part, the run it is made of, the command that makes that, and how it becomes Markdown. */
const PARTS: readonly (readonly [string, string, string, (json: unknown) => string])[] = [
  ['bench', path('./results/latest.json'), 'bench', json => benchPart(json as Results)],
  ['cluster', path('./results/cluster.json'), 'bench:cluster', json => clusterPart(json as ClusterResults)],
  ['chaos', path('../chaos/results/cluster.json'), 'chaos', json => chaosPart(json as ChaosReport)],
]

const read = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T

let page = readFileSync(BENCHMARKS, 'utf8')
for (const [part, file, command, markdown] of PARTS) {
  if (existsSync(file)) page = withPart(page, part, markdown(read(file)))
  else console.error(`${part} is left as it is: a whole run of npm run ${command} writes ${file}`)
}
writeFileSync(BENCHMARKS, page)

let readme = readFileSync(README, 'utf8')
const [[, one], [, cluster]] = PARTS as [(typeof PARTS)[number], (typeof PARTS)[number]]
if (existsSync(one) && existsSync(cluster))
  readme = withPart(readme, 'bars', barsPart(read<Results>(one), read<ClusterResults>(cluster)))
const drills = keptResults(path('../drill/results/'))
if (drills.length > 0) readme = withPart(readme, 'drill', drillPart(drills))
else console.error('drill is left as it is: npm run drill -- … --publish leaves results')
writeFileSync(README, readme)
