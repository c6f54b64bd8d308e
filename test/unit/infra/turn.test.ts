/** The order of one turn: the core's work, and what that brings, before the edge writes. */
import { expect, test } from 'vitest'
import { Turn } from '../../../infra/standalone/turn.ts'

test('the core comes first, also with work that its work brings; then the edge, then the end of the turn', () => {
  const due: (() => void)[] = []
  const seen: string[] = []
  const turn = new Turn({ schedule: run => due.push(run), after: () => seen.push('after') })
  turn.edge(() => seen.push('write'))
  turn.core(() => {
    seen.push('commit')
    turn.core(() => seen.push('commit again'))
  })
  expect(due).toHaveLength(1)
  due.shift()!()
  expect(seen).toEqual(['commit', 'commit again', 'write', 'after'])
})

test('work of the edge that comes while it writes waits for the next turn', () => {
  const due: (() => void)[] = []
  const seen: string[] = []
  const turn = new Turn({ schedule: run => due.push(run) })
  turn.edge(() => {
    seen.push('first')
    turn.edge(() => seen.push('second'))
  })
  due.shift()!()
  expect(seen).toEqual(['first'])
  due.shift()!()
  expect(seen).toEqual(['first', 'second'])
})
