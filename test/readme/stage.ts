/** Where a section of the README is played: a folder like a built checkout, free ports in place of the usual ones, at most one gateway. Loopback only. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort, type Running, run, until } from '../harness/process.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const USUAL_PORTS = ['1883', '1884', '8080', '8090', '8091', '8883', '8884']
const USUAL_PORT = new RegExp(`\\b(${USUAL_PORTS.join('|')})\\b`, 'g')
const BLOCK_MS = 30_000
/** A local installation of servers starts in some 20 s on a quiet machine, one of several regions in 30 s. */
export const LOCAL_MS = 150_000
const BOOT_MS = 20_000

export class Stage {
  readonly folder: string
  readonly #ports: ReadonlyMap<string, number>
  readonly #env: NodeJS.ProcessEnv
  /** Variables for a gateway whose configuration names no ports. */
  readonly #usualPorts: Map<string, string>
  #command = ''
  /** What ends the servers that were started. */
  readonly #ends = new Set<string>()
  #gateway: Running | undefined
  readonly #groups: number[] = []

  static async open(): Promise<Stage> {
    const ports = new Map<string, number>()
    for (const usual of USUAL_PORTS) ports.set(usual, await freePort())
    return new Stage(ports)
  }

  private constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports
    this.#usualPorts = new Map([
      ['MERIDIAN_MQTT_PORT', String(ports.get('1883'))],
      ['MERIDIAN_HTTP_PORT', String(ports.get('8080'))],
    ])
    this.folder = mkdtempSync(join(tmpdir(), 'meridian-readme-'))
    for (const name of ['dist', 'node_modules']) symlinkSync(join(ROOT, name), join(this.folder, name))
    // mosquitto_pub, mosquitto_sub and mosquitto_rr read their usual host and port from here.
    for (const program of ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'])
      this.write(program, `-h 127.0.0.1\n-p ${ports.get('1883')}\n`)
    this.#env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MERIDIAN_'))),
      PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
      XDG_CONFIG_HOME: this.folder,
      NO_COLOR: '1',
    }
  }

  write(name: string, text: string): string {
    if (/^mqttPort:/m.test(text)) this.#usualPorts.delete('MERIDIAN_MQTT_PORT')
    if (/^httpPort:/m.test(text)) this.#usualPorts.delete('MERIDIAN_HTTP_PORT')
    const path = join(this.folder, name)
    writeFileSync(path, `${this.adapted(text)}\n`)
    return path
  }

  /** Runs a block as a shell would; its status and output. */
  async shell(text: string): Promise<{ status: number | string; lines: string[]; output: string }> {
    // A group of its own: what a block leaves in the background runs until the section ends.
    const running = run('bash', ['-c', this.adapted(text)], { ...this.#options(), detached: true })
    this.#groups.push(running.pid)
    for (const [, servers] of text.matchAll(/(\w+):up\b/g)) this.#ends.add(`npm run ${servers}:down`)
    return this.#finished(running, startsServers(text) ? LOCAL_MS : BLOCK_MS)
  }

  /** Starts a gateway in place of the one that runs. */
  async start(command: string): Promise<void> {
    await this.#gateway?.end('SIGTERM')
    this.#command = command
    await this.#boot()
  }

  async killAndStartAgain(): Promise<void> {
    await this.#gateway?.end('SIGKILL')
    await this.#boot()
  }

  async close(): Promise<void> {
    await this.#gateway?.end('SIGTERM')
    for (const group of this.#groups) killGroup(group)
    for (const end of this.#ends) await this.shell(end)
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #boot(): Promise<void> {
    const env = this.#command.includes('deno serve') ? {} : Object.fromEntries(this.#usualPorts)
    const gateway = run('bash', ['-c', `exec env ${this.adapted(this.#command)}`], this.#options(env))
    this.#gateway = gateway
    await until(`'${this.#command}' to listen`, BOOT_MS, async () => {
      if (gateway.ended() !== undefined) throw new Error(`It ended with ${gateway.ended()}`)
      if (!gateway.output().includes('Meridian is ready')) return undefined
      for (const port of this.#ports.values()) if (await answers(port)) return true
      return undefined
    }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${gateway.output()}`)
    })
  }

  async #finished(
    running: Running,
    withinMs: number,
  ): Promise<{ status: number | string; lines: string[]; output: string }> {
    try {
      const status = await until('the block to end', withinMs, running.ended)
      const output = running.output()
      return { status, output, lines: output.split('\n').filter(line => line !== '') }
    } catch (error) {
      await running.end('SIGKILL')
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${running.output()}`)
    }
  }

  #options(env: NodeJS.ProcessEnv = {}) {
    return { cwd: this.folder, env: { ...this.#env, ...env } }
  }

  /** In this folder and on free ports. */
  #local(script: string): string {
    const mqtt = `${this.#ports.get('1883')},${this.#ports.get('1884')}`
    const ports = script === 'local:up' ? ` --free-ports --mqtt-ports ${mqtt}` : ''
    return `npm --prefix ${ROOT} run --silent ${script} -- --dir ${join(this.folder, 'local')}${ports}`
  }

  /** In this folder, and without the build of `regions:up`: other tests use the build. */
  #regions(command: string): string {
    return `node ${join(ROOT, 'infra/local/regions/main.node.ts')} ${command} --dir ${join(this.folder, 'regions')}`
  }

  /** In this folder, on its ports and bound to loopback. */
  adapted(text: string): string {
    const ported = text.replace(USUAL_PORT, usual => String(this.#ports.get(usual)))
    return ported
      .replaceAll('host: 0.0.0.0', 'host: 127.0.0.1')
      .replace(/npm run (local:\w+)/g, (_, script) => this.#local(script))
      .replace(/npm run (?:--silent )?regions:(\w+)(?: --(?= ))?/g, (_, command) => this.#regions(command))
  }
}

/** Or ends them, which takes a while too. */
export const startsServers = (text: string): boolean => /(local|regions):(up|restore|down)\b/.test(text)

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of it is left.
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
