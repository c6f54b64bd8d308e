/** What regions may be asked for, and the map that is made of it: no two lines at one port, each cut with the right ways. */
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../../../infra/cli/misuse.ts'
import { checkOptions, checkWan, type RegionsOptions } from '../../../../infra/local/regions/options.ts'
import { makePlan } from '../../../../infra/local/regions/plan.ts'

const check = (options: Partial<RegionsOptions>, namespacesWork = true) =>
  checkOptions({ dir: '/tmp/regions', regions: ['eu', 'us'], ...options }, namespacesWork)

describe('what may be asked for', () => {
  test('without more every region is a site, with an edge and a core, in namespaces where they can be had', () => {
    const shape = { regions: ['eu', 'us'], sites: ['eu', 'us'], edges: 1, cores: 1 }
    expect(check({})).toEqual({ ...shape, namespaces: true })
    expect(check({}, false)).toEqual({ ...shape, namespaces: false })
    expect(check({ namespaces: false })).toEqual({ ...shape, namespaces: false })
  })

  test.each([
    [{ regions: [] }, "Regions are ''; allowed: 1 to 8 names"],
    [{ regions: ['eu', 'us', 'eu'] }, "Region 'eu' is named twice"],
    [{ regions: ['EU'] }, "Region 'EU' cannot be a name"],
    [{ regions: ['eu/west'] }, "Region 'eu/west' cannot be a name"],
    [{ regions: ['eu', ''] }, "Region '' cannot be a name"],
    [{ regions: ['global'] }, "Region 'global' cannot be a name"],
    [{ sites: ['ap'] }, "Site 'ap' is no region; the regions are 'eu', 'us'"],
    [{ sites: ['us', 'us'] }, "Site 'us' is named twice"],
    [{ sites: [] }, 'No site is named'],
    [{ edges: 0 }, "Number of edges is '0'; allowed: 1 to 8"],
    [{ cores: 1.5 }, "Number of cores is '1.5'; allowed: 1 to 4"],
    [{ wanMs: -1 }, "WAN delay is '-1'; allowed: 0 to 10000 ms"],
    [{ wanMs: Number.NaN }, "WAN delay is 'NaN'"],
    [{ loss: 1 }, "Loss is '1'; allowed: 0 to less than 1"],
    [{ dir: `/tmp/${'x'.repeat(80)}` }, 'too long for Unix sockets'],
  ])('%j is refused', (options, text) => {
    expect(() => check(options)).toThrow(UsageError)
    expect(() => check(options)).toThrow(text)
  })

  test('namespaces that cannot be had are refused with what would do', () => {
    expect(() => check({ namespaces: true }, false)).toThrow('--no-namespaces works without')
  })

  test('the WAN may change within the same bounds', () => {
    expect(() => checkWan({ wanMs: 10_000, loss: 0.5 })).not.toThrow()
    expect(() => checkWan({ loss: 2 })).toThrow(UsageError)
  })
})

describe.each([
  ['with namespaces', 7],
  ['without', undefined],
])('the map %s', (_, network) => {
  const shape = {
    ...{ regions: ['eu', 'us', 'ap'], sites: ['us', 'eu'], edges: 2, cores: 2 },
    namespaces: network !== undefined,
  }

  test('lines listen at ports of their own and are cut with what they belong to', async () => {
    const { lines, regions } = await makePlan(shape, network)
    for (const list of [lines.wan, lines.devices]) {
      const at = list.map(({ listen }) => `${listen.host}:${listen.port}`)
      expect(new Set(at).size).toBe(at.length)
    }
    const [eu, us, ap] = regions
    const lineAt = (list: typeof lines.wan, port: number | undefined) => list.find(line => line.listen.port === port)
    expect(lineAt(lines.wan, ap?.elsewhere.us?.cores[1]?.port)).toMatchObject({
      isLong: true,
      ways: ['ap/wan', 'us/wan'],
      target: { port: us?.cores[1]?.http },
    })
    expect(lineAt(lines.wan, eu?.redis.port)).toMatchObject({ isLong: true, ways: ['eu/redis'] })
    expect(lineAt(lines.devices, us?.from.ap?.mqtt.port)).toMatchObject({
      isLong: true,
      ways: ['us/devices'],
      target: { port: us?.edges[0]?.mqtt },
    })
    expect(ap).toMatchObject({ rocketmq: undefined, cores: [], elsewhere: { eu: {}, us: {} } })
  })

  test('devices reach a region over a line that can be cut, or in its namespace', async () => {
    const { lines, regions } = await makePlan(shape, network)
    const mqtt = regions[1]?.near.edges[1]?.mqtt
    if (network !== undefined) expect(mqtt).toEqual({ host: '198.18.7.6', port: 1884 })
    else
      expect(lines.devices.find(({ listen }) => listen.port === mqtt?.port)).toMatchObject({
        isLong: false,
        ways: ['us/devices'],
        target: { port: regions[1]?.edges[1]?.mqtt },
      })
  })
})
