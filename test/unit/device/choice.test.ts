/** Which region is best, and when a move pays. */
import { expect, test } from 'vitest'
import { type Candidate, isWorthMoving, ranked } from '../../../device/choice.ts'
import { endpointOf } from '../../../device/endpoint.ts'

const limits = { hysteresis: 0.3, hysteresisMs: 10 }

const at = (
  name: string,
  rttMs: number,
  rest: { weight?: number; healthy?: boolean; avoided?: boolean } = {},
): Candidate => {
  const endpoint = endpointOf(`mqtt://${name}`)
  const { weight = 1, healthy = true, avoided = false } = rest
  return { region: { name, weight, healthy, endpoints: [endpoint] }, endpoint, rttMs, avoided }
}
const names = (candidates: readonly Candidate[], preferred?: string): string[] =>
  ranked(candidates, preferred).map(each => each.region.name)

test('the nearest first, through its weight', () => {
  expect(names([at('far', 90), at('near', 20)])).toEqual(['near', 'far'])
  expect(names([at('heavy', 90, { weight: 10 }), at('near', 20)])).toEqual(['heavy', 'near'])
})

test('the preferred region first, whatever its distance', () => {
  expect(names([at('near', 20), at('mine', 300)], 'mine')).toEqual(['mine', 'near'])
})

test('unhealthy, avoided and weightless regions only if there is no other', () => {
  expect(
    names(
      [
        at('avoided', 1, { avoided: true }),
        at('ill', 2, { healthy: false }),
        at('none', 3, { weight: 0 }),
        at('good', 500),
      ],
      'ill',
    ),
  ).toEqual(['good', 'none', 'ill', 'avoided'])
})

test('a move needs both parts of the hysteresis', () => {
  expect(isWorthMoving(at('a', 100), at('b', 69), undefined, limits)).toBe(true)
  expect(isWorthMoving(at('a', 100), at('b', 71), undefined, limits)).toBe(false)
  expect(isWorthMoving(at('a', 12), at('b', 4), undefined, limits)).toBe(false)
  expect(isWorthMoving(at('a', 100), at('a', 1), undefined, limits)).toBe(false)
})

test('to the preferred region at once, from it only when it is ill', () => {
  expect(isWorthMoving(at('a', 10), at('mine', 200), 'mine', limits)).toBe(true)
  expect(isWorthMoving(at('mine', 200), at('a', 10), 'mine', limits)).toBe(false)
  expect(isWorthMoving(at('mine', 10, { healthy: false }), at('a', 200), 'mine', limits)).toBe(true)
  expect(isWorthMoving(at('a', 200), at('mine', 10, { healthy: false }), 'mine', limits)).toBe(false)
})
