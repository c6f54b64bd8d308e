/** What other sites are asked for: counted filters, first and last told, and who is waited for. */
import { expect, test } from 'vitest'
import { DEFAULT_TENANT, type Tenant, type TopicFilter } from '../../../../core/contract/ids.ts'
import { Exports, type Importer } from '../../../../core/site/exports.ts'
import { CoreStats } from '../../../../core/stats.ts'

class Site implements Importer {
  readonly said: string[] = []
  waiting: (() => void)[] = []

  wanted(filter: TopicFilter): void {
    this.said.push(`+${filter}`)
  }

  unwanted(filter: TopicFilter): void {
    this.said.push(`-${filter}`)
  }

  settle(done: () => void): void {
    this.waiting.push(done)
  }
}

const f = (filter: string): TopicFilter => filter as TopicFilter

test('the first session that has a filter is told, and the last one', () => {
  const stats = new CoreStats()
  const exports = new Exports(stats)
  const site = new Site()
  exports.tell(site)
  const add = (filter: string, tenant = DEFAULT_TENANT) => exports.add(tenant, f(filter))
  expect([add('a'), add('a'), add('$share/g/a'), add('a/#')]).toEqual([true, false, true, true])
  exports.remove(DEFAULT_TENANT, f('a'))
  expect(site.said).toEqual(['+a', '+$share/g/a', '+a/#'])
  exports.remove(DEFAULT_TENANT, f('a'))
  exports.remove(DEFAULT_TENANT, f('a'))
  expect(site.said.slice(3)).toEqual(['-a'])
  expect(stats.nowExportedFilters).toBe(2)
  expect([...exports.filters.keys()]).toEqual(['$share/g/a', 'a/#'])
})

test('what each site has of its own is not asked for', () => {
  const exports = new Exports(new CoreStats())
  for (const filter of ['$SYS/#', '$share/g/$SYS/broker/+']) expect(exports.add(DEFAULT_TENANT, f(filter))).toBe(false)
  expect(exports.add('other' as Tenant, f('a'))).toBe(false)
  expect(exports.filters.size).toBe(0)
})

test('every site is waited for; without one nobody is', () => {
  const exports = new Exports(new CoreStats())
  let done = 0
  exports.settle(() => done++)
  expect(done).toBe(1)
  const sites = [new Site(), new Site()]
  for (const site of sites) exports.tell(site)
  exports.settle(() => done++)
  sites[0]!.waiting[0]!()
  expect(done).toBe(1)
  sites[1]!.waiting[0]!()
  expect(done).toBe(2)
})
