/** What a test run leaves behind is found by its environment, and ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:process'
import { expect, test } from 'vitest'
import { endLeftOvers, marked } from '../../../infra/ci/left-over.ts'

const SLEEPER = 'process.stdout.write("up"); setInterval(() => {}, 1000)'
const GRANDCHILD = `require('node:child_process').spawn(process.execPath, ['-e', '${SLEEPER}'], { detached: true, stdio: 'inherit' }).unref()`

test.skipIf(platform !== 'linux')('processes that outlive the one that started them', async () => {
  const run = `run-${process.pid}-${Date.now()}`
  const env = { ...process.env, ...marked(run) }
  const parent = spawn(process.execPath, ['-e', GRANDCHILD], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(parent.stdout, 'data')
  expect(await endLeftOvers(`${run}0`, 0)).toEqual([])
  const left = await endLeftOvers(run, 0)
  expect(left.map(({ command }) => command)).toEqual([expect.stringContaining('setInterval')])
  expect(await endLeftOvers(run)).toEqual([])
})
