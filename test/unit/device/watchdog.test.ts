/** When a connection is taken for dead. */
import { expect, test } from 'vitest'
import { Watchdog } from '../../../device/watchdog.ts'

/** Ticks up to `until` every 50 ms; what was said and when. */
function ticks(dog: Watchdog, from: number, until: number, moreMs = 0): string[] {
  const said: string[] = []
  for (let now = from; now <= until; now += 50) {
    const verdict = dog.tick(now, moreMs)
    if (verdict !== 'fine') said.push(`${verdict} ${now}`)
    if (verdict === 'dead') break
  }
  return said
}

test('a PINGREQ per interval as long as it is answered', () => {
  const dog = new Watchdog(0, 1000, 500)
  expect(ticks(dog, 50, 1000)).toEqual(['ping 1000'])
  expect(dog.answered(1080)).toBe(80)
  expect(dog.answered(1081)).toBeUndefined()
  expect(ticks(dog, 1100, 2150)).toEqual(['ping 2100'])
})

test('silence after a PINGREQ is death, any byte is life', () => {
  const dog = new Watchdog(0, 1000, 500)
  ticks(dog, 50, 1000)
  expect(ticks(dog, 1050, 1300)).toEqual(['suspect 1250'])
  dog.heard(1300)
  expect(ticks(dog, 1350, 3000)).toEqual(['dead 1800'])
})

test('what is still to be sent gives more time', () => {
  const dog = new Watchdog(0, 1000, 500)
  ticks(dog, 50, 1000)
  expect(ticks(dog, 1050, 3000, 700)).toEqual(['suspect 1600', 'dead 2200'])
})

test('a process that was stopped reads before it judges, once', () => {
  const dog = new Watchdog(0, 1000, 500)
  ticks(dog, 50, 1000)
  expect(dog.tick(9000, 0)).toBe('fine')
  expect(dog.tick(10_000, 0)).toBe('dead')
})
