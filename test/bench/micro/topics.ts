/** Times the topic structures against their bars (issue: match < 5 µs median with 100,000 filters; 10,000 of 100,000 retained topics < 50 ms). Run: node test/bench/micro/topics.ts */
import { RetainedIndex } from '../../../core/retained/index.ts'
import { FilterTree } from '../../../core/topic/filter-tree.ts'
import { MatchCache } from '../../../core/topic/match-cache.ts'
import { matches } from '../../../core/topic/matches.ts'
import { checkTopicName } from '../../../core/topic/validate.ts'

const FILTERS = 100_000
const now = (): number => performance.now()
const heapMiB = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

/** Prints the median and p99 of `batches` timings of `run(i)`, each over `batch` calls, in the unit of nanoseconds per call. */
function time(name: string, batch: number, batches: number, run: (i: number) => void): void {
  for (let i = 0; i < batch * 20; i++) run(i)
  const perCallNs: number[] = []
  for (let b = 0; b < batches; b++) {
    const start = now()
    for (let i = 0; i < batch; i++) run(b * batch + i)
    perCallNs.push(((now() - start) * 1e6) / batch)
  }
  perCallNs.sort((a, b) => a - b)
  const at = (q: number): string => perCallNs[Math.floor(perCallNs.length * q)]!.toFixed(0)
  console.log(`${name}: median ${at(0.5)} ns, p99 ${at(0.99)} ns`)
}

/** Topics as a decoder makes them: new strings with no hash computed yet. */
const fresh = (topic: string): string => new TextDecoder().decode(new TextEncoder().encode(topic))

const site = (i: number): string => `site/${i % 100}`
const kind = (i: number): number => Math.floor(i / 1000) % 3

function filterTree(): void {
  const before = heapMiB()
  const tree = new FilterTree<{ readonly filter: string }>()
  const start = now()
  for (let i = 0; i < FILTERS; i++) {
    const filter = [`${site(i)}/+/${i}`, `${site(i)}/line${i % 1000}/+/${i}`, `site/+/line${i % 1000}/${i}/#`][kind(i)]!
    tree.getOrAdd(filter, () => ({ filter }))
  }
  console.log(`${tree.size} filters: ${(now() - start).toFixed(0)} ms, ${(heapMiB() - before).toFixed(1)} MiB`)
  const topics = Array.from({ length: 20_000 }, (_, n) => {
    const i = (n * 7919) % FILTERS
    return fresh(`${site(i)}/line${i % 1000}/${kind(i) === 1 ? 'any/' : ''}${i}`)
  })
  const out: { filter: string }[] = []
  let matched = 0
  time('FilterTree.match, 100,000 filters with wildcards', 20, 1000, i => {
    out.length = 0
    tree.match(topics[i % topics.length]!, out)
    matched += out.length
  })
  console.log(`  matched ${matched}`)
}

function filterTreeMemory(name: string, count: number, filterOf: (i: number) => string): void {
  const before = heapMiB()
  const tree = new FilterTree<object>()
  const payload = {}
  for (let i = 0; i < count; i++) tree.getOrAdd(fresh(filterOf(i)), () => payload)
  const bytes = ((heapMiB() - before) * 1024 * 1024) / count
  console.log(`FilterTree memory, ${count} filters ${name}: ${bytes.toFixed(0)} bytes each`)
  tree.clear()
}

function adversarialTree(): void {
  const tree = new FilterTree<object>()
  const levels = 14
  for (let bits = 0; bits < 2 ** levels; bits++) {
    const filter = Array.from({ length: levels }, (_, i) => ((bits >> i) & 1 ? '+' : 'a')).join('/')
    tree.getOrAdd(filter, () => ({}))
  }
  const topic = Array.from({ length: levels }, () => 'a').join('/')
  const out: object[] = []
  time(`FilterTree.match, all 2^${levels} patterns of 'a' and '+' match`, 1, 200, () => {
    out.length = 0
    tree.match(topic, out)
  })
}

function matchCache(): void {
  const cache = new MatchCache<object>(50_000)
  const topics = Array.from({ length: 20_000 }, (_, i) => `site/${i % 100}/line/${i}`)
  for (const topic of topics) cache.set(topic, {})
  const asked = topics.map(fresh)
  let hits = 0
  time('MatchCache.get, 20,000 topics', 100, 1000, i => {
    if (cache.get(asked[i % asked.length]!) !== undefined) hits++
  })
  console.log(`  hits ${hits}`)
}

function retained(): void {
  const before = heapMiB()
  const index = new RetainedIndex<{ readonly topic: string }>()
  const start = now()
  for (let i = 0; i < 100_000; i++) {
    const topic = fresh(`site/${i % 10}/device/${i}/state`)
    index.set(topic, { topic })
  }
  console.log(`${index.size} retained: ${(now() - start).toFixed(0)} ms, ${(heapMiB() - before).toFixed(1)} MiB`)
  for (const filter of ['site/3/#', 'site/3/device/+/state', '+/3/+/+/state', 'site/3/device/500003/state']) {
    for (const round of ['first', 'warm']) {
      const begun = now()
      let firstPageMs = 0
      let found = 0
      let pages = 0
      for (let next: string | undefined = ''; next !== undefined; pages++) {
        const page: { values: unknown[]; next: string | undefined } = index.match(filter, next || undefined, 256)
        if (pages === 0) firstPageMs = now() - begun
        found += page.values.length
        next = page.next
      }
      const ms = (now() - begun).toFixed(1)
      console.log(
        `RetainedIndex ${filter} (${round}): first page ${firstPageMs.toFixed(2)} ms, all ${found} in ${pages} pages ${ms} ms`,
      )
    }
  }
}

function checks(): void {
  const limits = { maxTopicBytes: 4096, maxTopicLevels: 128 }
  const topics = Array.from({ length: 1000 }, (_, i) => fresh(`site/${i % 100}/line/${i}`))
  time('checkTopicName', 100, 1000, i => void checkTopicName(topics[i % 1000]!, limits))
  time('matches', 100, 1000, i => void matches('site/+/line/#', topics[i % 1000]!))
}

filterTree()
filterTreeMemory('device/{id}', 1_000_000, i => `device/device-${i}`)
filterTreeMemory('device/{id}/cmd', 1_000_000, i => `device/device-${i}/cmd`)
adversarialTree()
matchCache()
retained()
checks()
