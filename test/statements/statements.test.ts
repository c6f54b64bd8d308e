/** Every statement that binds a server is named by a test, or says why it cannot be. */
import { expect, test } from 'vitest'
import { places, required, STATEMENTS } from './scan.ts'

const named = places()

test('each statement for servers is named by a test or listed with a reason', () => {
  const missing = STATEMENTS.filter(s => required(s) && !named.has(s.id)).map(s => `${s.id} ${s.says}`)
  expect(missing).toEqual([])
})

test('tests name only statements there are', () => {
  const known = new Set(STATEMENTS.map(s => s.id))
  expect([...named.keys()].filter(id => !known.has(id))).toEqual([])
})

test('the lists have no statement twice', () => {
  expect(new Set(STATEMENTS.map(s => s.id)).size).toBe(STATEMENTS.length)
})
