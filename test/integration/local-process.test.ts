/** Processes of a local installation, with small programs in place of servers: readiness, death at the start, signals, adoption, the tether. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { answers, freePorts, portOr } from '../../infra/local/ports.ts'
import { endProcess, isAlive, type Lifetime, ManagedProcess, type ProcessSpec } from '../../infra/local/process.ts'

let dir = ''
let port = 0
const started: ManagedProcess[] = []
const children: ChildProcess[] = []

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-process-'))
  port = await freePorts(1)
})
afterEach(async () => {
  for (const one of started.splice(0)) await one.kill9()
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const server = (port: number): string => `require('node:net').createServer().listen(${port}, '127.0.0.1')`

function managed(program: string, spec: Partial<ProcessSpec> = {}, lifetime?: Lifetime): ManagedProcess {
  const one = new ManagedProcess(
    {
      name: 'one',
      kind: 'redis',
      command: process.execPath,
      args: ['-e', program],
      ports: { tcp: port },
      logFile: join(dir, 'one', 'output.log'),
      isReady: () => answers(port),
      readyWithinMs: 5_000,
      ...spec,
    },
    lifetime,
  )
  started.push(one)
  return one
}

test('start waits until it answers, stop until it is gone', async () => {
  const one = managed(`setTimeout(() => { ${server(port)} }, 200)`)
  expect(one.pid).toBeUndefined()
  await one.start()
  expect(await answers(port)).toBe(true)
  expect(one.pid).toBeGreaterThan(1)
  await one.stop()
  expect([one.pid, await answers(port)]).toEqual([undefined, false])
})

test('restart takes the same port again', async () => {
  const one = managed(server(port))
  await one.start()
  const { pid } = one
  await one.restart()
  expect(one.pid).not.toBe(pid)
  expect(await one.isReady()).toBe(true)
})

test('one that ends at the start gives the end of its log', async () => {
  const one = managed(`console.error('No such store'); process.exit(3)`)
  await expect(one.start()).rejects.toThrow(/one ended before it was ready; .*output\.log ends with:\nNo such store/)
})

test('one that does not answer in time is killed', async () => {
  const one = managed('setInterval(() => {}, 1000)', { readyWithinMs: 300 })
  const starting = one.start()
  const { identity } = one
  await expect(starting).rejects.toThrow('one does not answer after 300 ms')
  expect([isAlive(identity!), one.pid]).toEqual([false, undefined])
})

test('a program that is not there is named', async () => {
  await expect(managed('', { command: '/nowhere/server' }).start()).rejects.toThrow('/nowhere/server')
  await expect(managed('', { command: '/nowhere/server' }, { outlives: true }).start()).rejects.toThrow(
    '/nowhere/server',
  )
})

test('one that needs another first is started again', async () => {
  const flag = join(dir, 'flag')
  const one = managed(`if (!require('node:fs').existsSync('${flag}')) process.exit(1); ${server(port)}`, {
    startsAgain: true,
  })
  const starting = one.start()
  setTimeout(() => writeFileSync(flag, ''), 500)
  await starting
  expect(await one.isReady()).toBe(true)
})

test('a paused process does nothing until it is resumed, and can be stopped', async () => {
  const file = join(dir, 'ticks')
  const one = managed(`setInterval(() => require('node:fs').appendFileSync('${file}', '.'), 10); ${server(port)}`)
  const ticks = (): number => readFileSync(file).length
  await one.start()
  await expect.poll(ticks).toBeGreaterThan(2)
  one.pause()
  await new Promise(resolve => setTimeout(resolve, 100))
  const paused = ticks()
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(ticks()).toBe(paused)
  one.resume()
  await expect.poll(ticks).toBeGreaterThan(paused)
  one.pause()
  await one.stop()
  expect(one.pid).toBeUndefined()
})

test('one that ignores SIGTERM is killed', async () => {
  const one = managed(`process.on('SIGTERM', () => {}); ${server(port)}`)
  await one.start()
  await one.stop(200)
  expect(one.pid).toBeUndefined()
})

test('a process of an earlier run is taken over; a pid that is somebody else’s by now is left alone', async () => {
  const spawned: string[] = []
  const first = managed(server(port), {}, { onSpawn: ({ name }) => spawned.push(name) })
  await first.start()
  const identity = first.identity!
  const second = managed('process.exit(1)', {}, { adopt: new Map([['one', identity]]) })
  await second.start()
  expect([second.pid, spawned]).toEqual([first.pid, ['one']])

  const stale = { pid: identity.pid, started: 'another time' }
  expect(isAlive(stale)).toBe(false)
  await endProcess(stale, 1_000)
  expect(await answers(port)).toBe(true)
})

test.each([
  ['killed', 'SIGKILL'],
  ['ended', 'SIGUSR2'],
] as const)('a tethered process ends with the one that started it, when that is %s', async (_, signal) => {
  const program = `
    import { ManagedProcess } from '${join(import.meta.dirname, '../../infra/local/process.ts')}'
    process.once('SIGUSR2', () => process.exit(0))
    const one = new ManagedProcess({
      name: 'one', kind: 'redis', command: process.execPath, args: ['-e', ${JSON.stringify(server(port))}],
      ports: {}, logFile: '${join(dir, 'output.log')}', isReady: async () => true,
    })
    await one.start()
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  children.push(parent)
  await expect.poll(() => answers(port), { timeout: 5_000 }).toBe(true)
  parent.kill(signal)
  await expect.poll(() => answers(port), { timeout: 5_000 }).toBe(false)
})

test('a usual port that is taken is replaced, with the ports beside it', async () => {
  const first = await freePorts(3)
  expect(await portOr(first + 2, -2)).toBe(first + 2)
  port = first
  await managed(server(port)).start()
  const other = await portOr(first + 2, -2)
  expect(other).not.toBe(first + 2)
  expect([await answers(other), await answers(other - 2)]).toEqual([false, false])
})
