/** Logs of cores that are gone, or think they are not: taken over, read back, finished. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RocketmqLog } from '../../../core/log/rocketmq/wal.node.ts'
import { RocketmqLogBox } from '../../contract/rocketmq-box.ts'
import { ROCKETMQ_START_MS, sharedRocketmq } from '../../harness/rocketmq.ts'

let box: RocketmqLogBox
beforeEach(async () => {
  box = await RocketmqLogBox.open({ walStrayMs: 60_000 })
}, ROCKETMQ_START_MS)
afterEach(() => box.dispose())

const text = (s: string) => new TextEncoder().encode(s)
const append = async (log: RocketmqLog, position: number, s: string): Promise<void> => {
  log.append(position, 1, text(s))
  expect(await new Promise(resolve => log.commits.commit(resolve))).toBeUndefined()
}
const all = async (): Promise<string[]> => {
  const found: string[] = []
  await box.log.replay((position, _, envelope) => found.push(`${position} ${new TextDecoder().decode(envelope)}`))
  return found
}
const WITHIN = { timeout: 15_000, interval: 50 }
const states = async () => (await box.registry.list()).map(wal => `${wal.name.slice(-2)} ${wal.position} ${wal.sealed}`)

test('a log is finished when it was trimmed and its writer has had time to notice', { timeout: 60_000 }, async () => {
  await append(box.log, 1, 'a')
  await append(box.log, 2, 'b')
  await box.reopen({ walStrayMs: 300 })
  expect(await states()).toEqual(['i0 1 false', 'i1 3 false'])
  box.log.trim(2)
  await vi.waitFor(async () => expect(await states()).toEqual(['i0 2 false', 'i1 3 false']), WITHIN)
  box.log.trim(3)
  await vi.waitFor(async () => expect(await states()).toEqual(['i1 3 false']), WITHIN)
  expect(box.log.stats.nowUnfinished).toBe(0)
})

test('a core that dies before its first trim leaves two logs', { timeout: 30_000 }, async () => {
  await append(box.log, 1, 'a')
  await box.reopen()
  await append(box.log, 2, 'b')
  await box.reopen()
  expect(await all()).toEqual(['1 a', '2 b'])
  expect(box.log.next).toBe(3)
})

test('what a zombie appends is handed over as a stray, now and to the next core', { timeout: 90_000 }, async () => {
  const zombie = box.log
  await append(zombie, 1, 'a')
  await box.reopen()
  await append(zombie, 2, 'late')
  expect(await all()).toEqual(['1 a'])
  const strays: string[] = []
  const take = (position: number, _: number, envelope: Uint8Array) =>
    strays.push(`${position} ${new TextDecoder().decode(envelope)}`)
  box.log.strays(take)
  await vi.waitFor(() => expect(strays).toEqual(['2 late']), WITHIN)
  await append(zombie, 3, 'later')
  await vi.waitFor(() => expect(strays).toEqual(['2 late', '3 later']), WITHIN)
  box.log.trim(box.log.next)
  await vi.waitFor(async () => expect(await states()).toEqual(['i0 2 true', 'i1 2 false']), WITHIN)
  await box.reopen()
  box.log.strays(take)
  await vi.waitFor(() => expect(strays.slice(2)).toEqual(['2 late', '3 later']), WITHIN)
  expect(await all()).toEqual([])
})

test('a reader that was killed with a batch in its hands holds nobody up for long', { timeout: 60_000 }, async () => {
  for (let position = 1; position <= 40; position++) await append(box.log, position, `${position}`)
  const { endpoint } = await sharedRocketmq()
  const program = new URL('reader-program.ts', import.meta.url).pathname
  const reader = spawn(process.execPath, [program, endpoint, box.log.name], { stdio: ['ignore', 'inherit', 'inherit'] })
  expect(await once(reader, 'exit')).toEqual([null, 'SIGKILL'])
  const begin = Date.now()
  await box.reopen()
  expect(Date.now() - begin).toBeLessThan(20_000)
  expect((await all()).length).toBe(40)
})

test('a lite topic that has begun anew is read from its beginning', { timeout: 30_000 }, async () => {
  for (let position = 1; position <= 5; position++) await append(box.log, position, 'x')
  const [wal] = await box.registry.list()
  await box.registry.mark({ ...wal!, position: 3, offset: 1_000 })
  await box.reopen()
  expect(await all()).toEqual(['3 x', '4 x', '5 x'])
})

test('a closed log with nothing in it that is needed leaves nothing to take over', { timeout: 30_000 }, async () => {
  await append(box.log, 1, 'a')
  box.log.trim(2)
  box.log.commits.close()
  await box.log.closed
  expect(await box.registry.list()).toEqual([])
})
