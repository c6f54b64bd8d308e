/** Subprotocols, the uptime's text and the registry of metrics, without a server. */
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../../../edge/http/metrics.ts'
import { duration } from '../../../../edge/http/page.ts'
import { chooseSubprotocol, offeredSubprotocols } from '../../../../edge/http/subprotocol.ts'
import { EdgeStats } from '../../../../edge/stats.ts'
import { Reason } from '../../../../edge/wire/reason.ts'

test('the first known subprotocol is chosen [MQTT-6.0.0-3]', () => {
  const choose = (header: string | undefined) => chooseSubprotocol(offeredSubprotocols(header))
  expect(choose('mqtt')).toBe('mqtt')
  expect(choose('other, mqttv3.1 ,mqtt')).toBe('mqttv3.1')
  expect(choose('MQTT')).toBeUndefined()
  expect(choose('')).toBeUndefined()
  expect(choose(undefined)).toBeUndefined()
})

test('uptime shows its two largest units', () => {
  const second = 1000
  const hour = 3600 * second
  expect(duration(0)).toBe('0 s')
  expect(duration(65 * second)).toBe('1 min 5 s')
  expect(duration(25 * hour)).toBe('1 day 1 h')
  expect(duration(72 * hour)).toBe('3 days 0 h')
})

describe('metrics', () => {
  test('every counter is exported with a help text', async () => {
    const stats = new EdgeStats()
    const keys = Object.keys(stats)
    keys.forEach((key, i) => {
      const at = Reflect.get(stats, key)
      if (at instanceof Float64Array) at[0x97] = 1000 + i
      else Reflect.set(stats, key, 1000 + i)
    })
    const text = await createRegistry(stats, '1.2.3').metrics()
    keys.forEach((key, i) => {
      expect(text.match(new RegExp(` ${1000 + i}$`, 'm')), key).not.toBeNull()
    })
    for (const name of text.matchAll(/^(meridian_[a-z0-9_]+)/gm)) expect(text).toContain(`# HELP ${name[1]} `)
  })

  test('closes and refusals are labelled by reason code, errors only, each there from the start', async () => {
    const stats = new EdgeStats()
    stats.closedBy[0x97]!++
    stats.refusedBy[0x9f]! += 2
    const text = await createRegistry(stats, '1.2.3').metrics()
    expect(text).toContain('meridian_connections_closed_total{reason="quota-exceeded"} 1\n')
    expect(text).toContain('meridian_connections_closed_total{reason="qos-not-supported"} 0\n')
    expect(text).toContain('meridian_connects_refused_total{reason="connection-rate-exceeded"} 2\n')
    const errors = Object.values(Reason).filter(code => code >= 0x80).length
    expect(text.match(/^meridian_connections_closed_total\{/gm)).toHaveLength(errors)
  })

  test('a counter is read anew each time', async () => {
    const stats = new EdgeStats()
    const registry = createRegistry(stats, '1.2.3')
    stats.takeovers = 2
    await registry.metrics()
    stats.takeovers = 3
    expect(await registry.metrics()).toContain('meridian_session_takeovers_total 3')
  })
})
