/** A process that may have lost its place does nothing until it knows. */
import { expect, test, vi } from 'vitest'
import { Standstill } from '../../../infra/core/standstill.ts'

test('while it is certain, things happen at once; while it is not, they wait in their order', async () => {
  let stale = false
  const done: number[] = []
  const { run } = new Standstill(() => stale)
  run(() => done.push(1))
  expect(done).toEqual([1])
  stale = true
  for (const n of [2, 3]) run(() => done.push(n))
  stale = false
  run(() => done.push(4))
  expect(done).toEqual([1])
  await vi.waitFor(() => expect(done).toEqual([1, 2, 3, 4]))
  run(() => done.push(5))
  expect(done).toEqual([1, 2, 3, 4, 5])
})

test('what is found out to be another core’s business never happens', async () => {
  const done: number[] = []
  const { run } = new Standstill(() => true)
  run(() => done.push(1))
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(done).toEqual([])
})
