/** A broker that is killed (-9) and started again while one device publishes and another one receives, both over the same way. */
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Broker, startMeridian } from '../../harness/broker.ts'
import { sleep, until } from '../../harness/process.ts'
import { device, ending, endsAfterEachTest, folder, relayTo } from './rig.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 })
endsAfterEachTest()

test.each([1, 2] as const)('QoS %s: nothing acknowledged is lost, no gap, in order', async qos => {
  const dataDir = join(folder(), 'data')
  let broker: Broker = await startMeridian({ dataDir })
  ending(undefined, () => broker.stop())
  const way = await relayTo(broker.tcpPort)
  const endpoints = [`mqtt://127.0.0.1:${way.port}`]
  const limits = { backoffBaseMs: 100, backoffMaxMs: 400 }
  const receiver = await device({ endpoints, limits })
  const got: number[] = []
  receiver.on('message', message => got.push(Number(message.text())))
  await receiver.subscribe('kill9', { qos })
  const sender = await device({ endpoints, limits })
  let n = 0
  let isOver = false
  const failed: unknown[] = []
  const publishing = (async () => {
    while (!isOver) {
      sender.publish('kill9', String(n++), { qos }).catch(error => failed.push(error))
      await sleep(3)
    }
  })()
  for (let kill = 0; kill < 3; kill++) {
    await sleep(200 + kill * 100)
    await broker.kill()
    broker = await startMeridian({ dataDir })
    way.leadTo(broker.tcpPort)
    const { acknowledged } = sender.stats()
    await until('progress', 10_000, () => (sender.stats().acknowledged > acknowledged + 20 ? true : undefined))
  }
  isOver = true
  await publishing
  await sender.flush()
  await until(`all of ${n}`, 10_000, () => (new Set(got).size === n ? true : undefined))
  expect(failed).toEqual([])
  expect([...new Set(got)]).toEqual(Array.from({ length: n }, (_, index) => index))
  if (qos === 2) expect(got.length).toBe(n)
})
