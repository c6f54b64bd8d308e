/** The circuit of an endpoint: full jitter, doubling, avoidance. */
import { expect, test } from 'vitest'
import { Circuit } from '../../../device/backoff.ts'

const bounds = { backoffBaseMs: 500, backoffMaxMs: 8000, avoidMs: 1000 }

test('waits are drawn from 0 to a bound that doubles up to the longest', () => {
  const longest = new Circuit(bounds, () => 1)
  const shortest = new Circuit(bounds, () => 0)
  const waits: number[] = []
  for (let n = 0; n < 6; n++) {
    longest.failed(0)
    shortest.failed(0)
    waits.push(longest.readyAt)
    expect(shortest.readyAt).toBe(10)
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000])
  expect(longest.isReady(7999)).toBe(false)
  expect(longest.isReady(8000)).toBe(true)
})

test('a lasting failure rests for half of the longest wait at least', () => {
  const circuit = new Circuit(bounds, () => 0)
  circuit.failedForLong(100)
  expect(circuit.readyAt).toBe(4100)
})

test('what works is closed and not avoided', () => {
  const circuit = new Circuit(bounds, () => 1)
  circuit.failed(0)
  circuit.avoid(0)
  expect(circuit.isAvoided(999)).toBe(true)
  expect(circuit.isAvoided(1000)).toBe(false)
  circuit.worked()
  expect(circuit.failures).toBe(0)
  expect(circuit.isReady(0)).toBe(true)
  expect(circuit.isAvoided(0)).toBe(false)
})

test('who disappoints again and again is avoided for longer', () => {
  const circuit = new Circuit(bounds, () => 0)
  for (let n = 0; n < 3; n++) circuit.avoid(0)
  expect(circuit.isAvoided(3999)).toBe(true)
  expect(circuit.isAvoided(4000)).toBe(false)
  for (let n = 0; n < 100; n++) circuit.avoid(0)
  expect(circuit.isAvoided(32_000)).toBe(false)
  circuit.worked()
  circuit.avoid(0)
  expect(circuit.isAvoided(1000)).toBe(false)
})

test('many failures do not overflow', () => {
  const circuit = new Circuit(bounds, () => 1)
  for (let n = 0; n < 5000; n++) circuit.failed(0)
  expect(circuit.readyAt).toBe(8000)
})
