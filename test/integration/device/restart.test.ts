/** The outbox over kill -9 of the device, on Node and Deno: what was taken is delivered, in order, and once with QoS 2. */
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startMeridian } from '../../harness/broker.ts'
import { type Running, run, until } from '../../harness/process.ts'
import { device, ending, endsAfterEachTest, folder, freshId, relayTo } from './rig.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 })
endsAfterEachTest()

const ROOT = join(import.meta.dirname, '../../..')
const SDK = join(ROOT, 'device/main.node.ts')
const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name)
const COMMANDS = { node: [bin('node')], deno: [bin('deno'), 'run', '-A'] }
const COUNT = 300

test.each([
  ['node', 1],
  ['node', 2],
  ['deno', 1],
  ['deno', 2],
] as const)('%s, QoS %s', async (runtime, qos) => {
  const broker = ending(await startMeridian(), each => each.stop())
  // A round trip of 20 ms: the kill comes while messages are on their way.
  const way = await relayTo(broker.tcpPort, 10)
  const receiver = await device({ endpoints: [`mqtt://127.0.0.1:${broker.tcpPort}`], suppressDuplicates: false })
  const got: number[] = []
  receiver.on('message', message => got.push(Number(message.text())))
  await receiver.subscribe('restart', { qos: 2 })

  const [clientId, outbox] = [freshId(), join(folder(), 'outbox')]
  const publisher = (from: number): Running => {
    const [program = '', ...words] = COMMANDS[runtime]
    const own = [SDK, `mqtt://127.0.0.1:${way.port}`, clientId, outbox, String(from), String(COUNT), String(qos)]
    return ending(run(program, [...words, join(import.meta.dirname, 'publisher.ts'), ...own]), each =>
      each.end('SIGKILL'),
    )
  }
  const says = (of: Running, text: string): Promise<true> =>
    until(`'${text}'`, 30_000, () => {
      if (of.ended() !== undefined && !of.output().includes(text)) throw new Error(of.output())
      return of.output().includes(text) ? true : undefined
    })

  const first = publisher(0)
  await says(first, 'acknowledged 20')
  await first.end('SIGKILL')
  const second = publisher(COUNT)
  await says(second, `acknowledged ${COUNT + 20}`)
  await second.end('SIGKILL')
  await says(publisher(2 * COUNT), 'empty')

  await until('the last one', 20_000, () => (got.includes(3 * COUNT - 1) ? true : undefined))
  for (const [run, of] of [first, second].entries()) {
    const acknowledged = [...of.output().matchAll(/^acknowledged (\d+)$/gm)].map(([, n]) => Number(n))
    expect(acknowledged.filter(n => !got.includes(n))).toEqual([])
    // All were in the file before the first was on its way, so none may be missing.
    const ofRun = [...new Set(got.filter(n => Math.floor(n / COUNT) === run))]
    expect(ofRun).toEqual(Array.from({ length: COUNT }, (_, n) => run * COUNT + n))
  }
  const firsts = [...new Set(got)]
  expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
  if (qos === 2) expect(got.length).toBe(firsts.length)
})
