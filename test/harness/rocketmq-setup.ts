/** One RocketMQ for all test files of a run, started on the first request for it and stopped at the end. Runs in the process that runs the tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type Rocketmq, startRocketmq } from '../../infra/local/rocketmq/start.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Port of the loopback address that starts RocketMQ and answers with its endpoint. */
    rocketmqPort: number
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let dir: string | undefined
  let starting: Promise<Rocketmq> | undefined
  const server = createServer((_, response) => {
    dir ??= mkdtempSync(join(tmpdir(), 'meridian-rocketmq-'))
    starting ??= startRocketmq({ dir })
    starting.then(
      rocketmq => response.end(rocketmq.endpoint),
      error => response.writeHead(500).end(String((error as Error).message)),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  project.provide('rocketmqPort', (server.address() as AddressInfo).port)
  return async () => {
    server.close()
    server.closeAllConnections()
    const rocketmq = await starting?.catch(() => undefined)
    const faults = rocketmq?.faults() ?? []
    await rocketmq?.stop(0)
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
    if (faults.length > 0) throw new Error(`The broker may have lost messages:\n${faults.join('\n')}`)
  }
}
