/** Which of several cores is to be linked to: preference, distance, and that the choice does not flap. */
import { describe, expect, test } from 'vitest'
import { type Seen, Sites } from '../../../../edge/link/sites.ts'

const active = (site: string, rttMs: number): Seen => ({ is: 'active', site, core: `c-${site}`, rttMs })
const standby = (site: string): Seen => ({ is: 'standby', site, detail: 'Core c1 is active' })
const SILENT: Seen = { is: 'silent', detail: 'Connection refused' }

const sites = (prefer: string, random = 0): Sites =>
  new Sites({
    cores: ['ws://eu1', 'ws://eu2', 'ws://us', 'ws://ap'],
    prefer,
    limits: { siteFailbackMs: 30_000 },
    random: () => random,
  })

describe('the best', () => {
  test('is none before one has answered', () => {
    expect(sites('').best()).toBeUndefined()
  })

  test('is the nearest active one', () => {
    const book = sites('')
    book.note('ws://eu1', standby('eu'))
    book.note('ws://us', active('us', 80))
    book.note('ws://ap', active('ap', 120))
    expect(book.best()).toBe('ws://us')
    book.note('ws://eu2', active('eu', 2))
    expect(book.best()).toBe('ws://eu2')
    book.note('ws://eu2', SILENT)
    expect(book.best()).toBe('ws://us')
  })

  test('is that of the preferred site, however far', () => {
    const book = sites('ap')
    book.note('ws://us', active('us', 1))
    expect(book.best()).toBe('ws://us')
    book.note('ws://ap', active('ap', 300))
    expect(book.best()).toBe('ws://ap')
  })

  test('distances are smoothed: one slow answer changes little', () => {
    const book = sites('')
    for (const rttMs of [10, 10, 10, 60]) book.note('ws://us', active('us', rttMs))
    book.note('ws://ap', active('ap', 40))
    expect(book.best()).toBe('ws://us')
    expect(book.views('ws://us')).toEqual([
      { site: 'us', linked: true, healthy: true, rttMs: 25 },
      { site: 'ap', linked: false, healthy: true, rttMs: 40 },
    ])
  })
})

describe('a better one', () => {
  test('is the preferred site, once it has been there for long enough without a break', () => {
    const book = sites('eu')
    book.note('ws://us', active('us', 1))
    book.note('ws://eu1', active('eu', 90))
    expect(book.better('ws://us', 0)).toBeUndefined()
    expect(book.better('ws://us', 29_000)).toBeUndefined()
    book.note('ws://eu1', SILENT)
    expect(book.better('ws://us', 29_500)).toBeUndefined()
    book.note('ws://eu1', active('eu', 90))
    expect(book.better('ws://us', 30_000)).toBeUndefined()
    expect(book.better('ws://us', 59_999)).toBeUndefined()
    expect(book.better('ws://us', 60_000)).toBe('ws://eu1')
  })

  test('is waited for up to twice as long, so that not all edges move at once', () => {
    const book = sites('eu', 0.9)
    book.note('ws://us', active('us', 1))
    book.note('ws://eu1', active('eu', 90))
    book.better('ws://us', 0)
    expect(book.better('ws://us', 56_000)).toBeUndefined()
    expect(book.better('ws://us', 57_000)).toBe('ws://eu1')
  })

  test('a change of cores within the better site starts no new wait', () => {
    const book = sites('eu')
    book.note('ws://us', active('us', 1))
    book.note('ws://eu1', active('eu', 90))
    book.better('ws://us', 0)
    book.note('ws://eu2', active('eu', 90))
    book.note('ws://eu1', standby('eu'))
    expect(book.better('ws://us', 30_000)).toBe('ws://eu2')
  })

  test.each([
    ['much nearer', 100, 50, true],
    ['a little nearer', 100, 80, false],
    ['nearer by a few ms', 5, 1, false],
    ['farther', 50, 100, false],
  ])('without preference: %s', (_, here, there, moves) => {
    const book = sites('')
    book.note('ws://us', active('us', here))
    book.note('ws://ap', active('ap', there))
    book.better('ws://us', 0)
    expect(book.better('ws://us', 30_000)).toBe(moves ? 'ws://ap' : undefined)
  })

  test('is none while the preferred site is in use, and never one of the same site', () => {
    const book = sites('eu')
    book.note('ws://eu1', active('eu', 90))
    book.note('ws://us', active('us', 1))
    book.better('ws://eu1', 0)
    expect(book.better('ws://eu1', 90_000)).toBeUndefined()
    const near = sites('')
    near.note('ws://eu1', active('eu', 90))
    near.note('ws://eu2', active('eu', 1))
    near.better('ws://eu1', 0)
    expect(near.better('ws://eu1', 90_000)).toBeUndefined()
  })
})

test('cores that are all of one site need no looking around', () => {
  const book = new Sites({ cores: ['ws://a', 'ws://b'], prefer: '', limits: { siteFailbackMs: 1 }, random: () => 0 })
  book.note('ws://a', active('eu', 1))
  expect(book.several, 'the other one has not said').toBe(true)
  book.note('ws://b', standby('eu'))
  expect(book.several).toBe(false)
  book.forget()
  expect([book.several, book.best()]).toEqual([false, undefined])
})
