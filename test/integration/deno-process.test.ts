/** The Deno build as a process: signals, taken ports, devices that leave without a word. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Broker, meridianCommand, startMeridian } from '../harness/broker.ts'
import { type Running, run, until } from '../harness/process.ts'

vi.setConfig({ testTimeout: 40_000 })

let folder = ''
let broker: Broker
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-deno-'))
  broker = await startMeridian({ runtime: 'deno', dataDir: join(folder, 'data') })
}, 30_000)
afterAll(async () => {
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

let second: Running | undefined
afterEach(() => second?.end('SIGKILL'))

/** Starts another one and waits until it has ended. */
async function refusal(...args: readonly string[]): Promise<{ status: number | string; output: string }> {
  const [program = 'deno', ...before] = meridianCommand('deno')
  const started = run(program, [...before, 'start', ...args], { cwd: folder })
  second = started
  const status = await until('the end of the process', 20_000, () => started.ended())
  return { status, output: started.output() }
}

test.each(['mqtt', 'http'] as const)('a taken %s port says which and exits 1', async kind => {
  const taken = String(kind === 'mqtt' ? broker.tcpPort : broker.httpPort)
  const ports = { mqtt: '0', http: '0', [kind]: taken }
  const { status, output } = await refusal(
    ...['--mqtt-port', ports.mqtt, '--http-port', ports.http, '--data-dir', ':memory:'],
  )
  expect(status).toBe(1)
  expect(output).toContain(`Cannot listen on 127.0.0.1:${taken}`)
})

test('a data directory in use is refused', async () => {
  const { status, output } = await refusal('--mqtt-port', '0', '--http-port', '0', '--data-dir', join(folder, 'data'))
  expect(status).toBe(1)
  expect(output).toContain('in use by another process')
})

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', signal => {
  test('tells clients of 5.0 (0x8B) and ends with status 0', async () => {
    const [program = 'deno', ...before] = meridianCommand('deno')
    const started = run(program, [
      ...before,
      'start',
      '--mqtt-port',
      '0',
      '--http-port',
      'off',
      '--data-dir',
      ':memory:',
    ])
    second = started
    const port = await until('the boot line', 20_000, () => /"kind":"tcp".*?"port":(\d+)/.exec(started.output())?.[1])
    const options = { protocolVersion: 5, reconnectPeriod: 0 } as const
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options)
    const told = new Promise(resolve => client.once('disconnect', packet => resolve(packet.reasonCode)))
    await started.end(signal)
    expect(await told).toBe(0x8b)
    expect(started.ended()).toBe(0)
  })
})

describe('a device that leaves without DISCONNECT', () => {
  const leave: Readonly<Record<string, (socket: Socket) => void>> = {
    'half-closes': socket => socket.end(),
    'half-closes within a packet': socket => socket.end(Uint8Array.of(0x30, 50, 0)),
    resets: socket => socket.resetAndDestroy(),
  }

  test.each(Object.keys(leave))('%s: its will is published at once [MQTT-3.1.2-8]', async how => {
    const watcher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.tcpPort}`)
    const topic = `will/${how.replaceAll(' ', '-')}`
    await watcher.subscribeAsync(topic)
    const will = new Promise(resolve => watcher.once('message', (_topic, payload) => resolve(payload.toString())))
    const text = (of: string) => [0, of.length, ...Buffer.from(of)]
    const body = [...text('MQTT'), 4, 6, 0, 0, ...text(topic), ...text(topic), ...text('gone')]
    const socket = createConnection({ port: broker.tcpPort, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(Uint8Array.of(0x10, body.length, ...body))
    await new Promise(resolve => socket.once('data', resolve))
    leave[how]?.(socket)
    expect(await will).toBe('gone')
    await new Promise<void>(resolve => (socket.destroyed ? resolve() : socket.once('end', () => resolve())))
    socket.destroy()
    await watcher.endAsync()
  })
})
