/** The command line as its user meets it: texts, exit statuses, the boot line, signals. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { parseCredentials } from '../../edge/auth/credentials.ts'
import { verifyPassword } from '../../edge/auth/scrypt.node.ts'

const PROGRAM = new URL('./cli/process.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'meridian-cli-'))
const children = new Set<ChildProcess>()

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<number | string>
  out: string
  err: string
}

function run(words: string[], env: Record<string, string> = {}, input?: string): Run {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MERIDIAN_')))
  const child = spawn(process.execPath, [PROGRAM, ...words], { env: { ...clean, ...env } })
  children.add(child)
  const ended = new Promise<number | string>(done =>
    child.once('close', (status, signal) => done(status ?? signal ?? '')),
  )
  const result: Run = { child, ended, out: '', err: '' }
  child.stdout.on('data', chunk => (result.out += chunk))
  child.stderr.on('data', chunk => (result.err += chunk))
  child.stdin.end(input ?? '')
  return result
}

interface BootLine {
  readonly msg: string
  readonly listeners: { kind: string; host: string; port: number }[]
  readonly dataDir: string
  readonly settings: { mqttPort: number; limits: { maxInflight: number } }
}

async function booted(running: Run): Promise<BootLine> {
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline) {
    const line = running.out.split('\n').find(text => text.includes('"listeners"') && text.endsWith('}'))
    if (line !== undefined) return JSON.parse(line) as BootLine
    await new Promise(done => setTimeout(done, 10))
  }
  throw new Error(`No boot line in: ${running.out}${running.err}`)
}

describe('edge and core', () => {
  test.each([
    [['edge'], 'core is missing; allowed: a list, each ws://HOST:PORT or wss://HOST:PORT'],
    [['edge', '--core', 'http://h'], "core[0] is 'http://h' (from --core); allowed: ws://HOST:PORT"],
    [['edge', '--core', 'wss://core.example'], 'core wss://core.example/link is on another machine'],
    [['core'], 'Where messages and sessions are kept is not clear'],
    [['core', '--mqtt-port', '1'], 'Flag --mqtt-port is not for this command; it is for meridian start, meridian edge'],
    [['core', '--http-prot', '1'], "Unknown flag --http-prot (did you mean '--http-port'?)"],
  ])('%j exits 2', async (words, text) => {
    const running = run(words)
    expect(await running.ended).toBe(2)
    expect(running.err).toContain(text)
    expect(running.out).toBe('')
  })

  test('their help lists their own flags', async () => {
    const edge = run(['edge', '--help'])
    const core = run(['core', '--help'])
    expect([await edge.ended, await core.ended]).toEqual([0, 0])
    expect(edge.out).toMatch(/^ {2}--workers /m)
    expect(core.out).toMatch(/^ {2}--rocketmq /m)
    expect(core.out).not.toContain('--mqtt-port ')
  })

  test('a core that another took over from exits 3', async () => {
    expect(await run(['core', '--data-dir', ':memory:']).ended).toBe(3)
  })

  test('config check takes the command the file is for', async () => {
    const file = join(folder, 'core.yaml')
    writeFileSync(file, 'dataDir: x\ntlsCertFile: none.pem\ntlsKeyFile: none.pem\nlinkCaFile: no-authority.pem\n')
    const core = run(['config', 'check', file, 'core'])
    expect(await core.ended).toBe(2)
    expect(core.err).toContain("tlsCertFile is 'none.pem'")
    expect(core.err).toContain("linkCaFile is 'no-authority.pem'")
    const apart =
      'rocketmq: 127.0.0.1:1\nrocketmqTls: true\nrocketmqCaFile: no.pem\nstate: rediss://h\nredisCaFile: none.pem\n'
    writeFileSync(join(folder, 'apart.yaml'), apart)
    const stores = run(['config', 'check', join(folder, 'apart.yaml'), 'core'])
    expect(await stores.ended).toBe(2)
    expect(stores.err).toContain("rocketmqCaFile is 'no.pem'")
    expect(stores.err).toContain("redisCaFile is 'none.pem'")
    const start = run(['config', 'check', file])
    expect(await start.ended).toBe(2)
    expect(start.err).toContain('Unknown key tlsCertFile')
    expect(start.err).toContain('it is for meridian core')
  })
})

describe('start', () => {
  test('one line lists settings, listeners with the port that was found, and the data directory', async () => {
    const running = run(['start', '--mqtt-port', '0', '--data-dir', ':memory:', '--log-level', 'error'])
    const line = await booted(running)
    expect(line.msg).toBe('Meridian is ready')
    expect(line.listeners[0]).toMatchObject({ kind: 'tcp', host: '127.0.0.1' })
    expect(line.listeners[0]!.port).toBeGreaterThan(0)
    expect(line.dataDir).toBe(':memory:')
    expect(line.settings).toMatchObject({ mqttPort: 0, limits: { maxInflight: 1024 } })
    expect(running.out.trim().split('\n')).toHaveLength(1)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops and exits 0', async signal => {
    const running = run(['start', '--mqtt-port=0'])
    await booted(running)
    running.child.kill(signal)
    expect(await running.ended).toBe(0)
    expect(running.out).toContain('"msg":"Stopped"')
  })

  test('a stop that takes too long is cut off with status 1', async () => {
    const running = run(['start', '--mqtt-port=0', '--limits-shutdown-ms', '100'], { STOP_AFTER_MS: '60000' })
    await booted(running)
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(1)
    expect(running.out).toContain('limits.shutdownMs')
  })

  test('a second signal ends the process at once', async () => {
    const running = run(['start', '--mqtt-port=0'], { STOP_AFTER_MS: '60000' })
    await booted(running)
    running.child.kill('SIGTERM')
    await expect.poll(() => running.out).toContain('"msg":"Stopping"')
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(143)
  })

  test.each(['throw', 'reject'])('an error that nothing handles (%s) is logged and exits 1', async crash => {
    const running = run(['start', '--mqtt-port=0'], { CRASH: crash })
    expect(await running.ended).toBe(1)
    expect(running.out).toContain('"level":"fatal"')
  })

  test('a taken port says which and exits 1', async () => {
    const server = createServer()
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const running = run(['start', '--mqtt-port', String(port)])
    expect(await running.ended).toBe(1)
    expect(running.err).toContain(String(port))
    server.close()
  })

  test('a wrong flag names key, value and what is allowed, and exits 2', async () => {
    const running = run(['start', '--mqtt-port', 'high', '--lgo-level', 'debug'])
    expect(await running.ended).toBe(2)
    expect(running.err).toContain(
      "meridian: mqttPort is 'high' (from --mqtt-port); allowed: a whole number from 0 to 65535 or off",
    )
    expect(running.err).toContain("meridian: Unknown flag --lgo-level (did you mean '--log-level'?)")
    expect(running.out).toBe('')
  })

  test('beyond loopback without authentication it refuses to start', async () => {
    const running = run(['start', '--host', '0.0.0.0'])
    expect(await running.ended).toBe(2)
    expect(running.err).toContain('--allow-anonymous')
  })
})

describe('help', () => {
  test.each([
    [['--help'], 0, 'meridian config check FILE'],
    [['start', '--help'], 0, '--limits-max-inflight'],
    [['--version'], 0, '0.'],
    [[], 2, 'No command'],
    [['strat'], 2, "did you mean 'start'?"],
  ])('%s', async (words, status, text) => {
    const running = run(words)
    expect(await running.ended).toBe(status)
    expect(running.out + running.err).toContain(text)
  })
})

describe('config', () => {
  const file = join(folder, 'meridian.yaml')

  test('check says that a file is fine', async () => {
    writeFileSync(file, 'mqttPort: 1884\nlimits:\n  maxInflight: 10\n')
    const running = run(['config', 'check', file])
    expect(await running.ended).toBe(0)
    expect(running.out).toBe(`${file} is fine\n`)
  })

  test('check names every problem, also in the files that are named', async () => {
    writeFileSync(file, 'mqttPort: x\nmqttPrt: 1\n')
    const wrong = run(['config', 'check', file])
    expect(await wrong.ended).toBe(2)
    expect(wrong.err.trim().split('\n')).toHaveLength(2)
    writeFileSync(join(folder, 'acl'), 'allow everybody all #\n')
    writeFileSync(file, `auth: { aclFile: ${join(folder, 'acl')} }\n`)
    const acl = run(['config', 'check', file])
    expect(await acl.ended).toBe(2)
    expect(acl.err).toContain("Line 1 is for 'everybody'")
  })

  test('check looks for the files of TLS listeners', async () => {
    const file = join(folder, 'tls.yaml')
    writeFileSync(file, 'listeners:\n  - { kind: wss, port: 1, certFile: no.crt, keyFile: no.key }\n')
    const running = run(['config', 'check', file])
    expect(await running.ended).toBe(2)
    expect(running.err).toContain("meridian: listeners[0].certFile is 'no.crt': ENOENT")
    expect(running.err).toContain("meridian: listeners[0].keyFile is 'no.key': ENOENT")
  })

  test('reference lists every section', async () => {
    const running = run(['config', 'reference'])
    expect(await running.ended).toBe(0)
    expect(running.out).toContain(
      '| `limits.maxInflight` | `--limits-max-inflight` | `MERIDIAN_LIMITS_MAX_INFLIGHT` | `1024` |',
    )
    expect(running.out).toContain('| `certFile` | tls, wss | must be given |')
  })
})

describe('passwd', () => {
  test('makes the file, readable by its owner only, and the hash fits the password', async () => {
    const file = join(folder, 'users')
    const running = run(['passwd', file, 'alice', '--stdin'], {}, 'secret one\n')
    expect(await running.ended).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/^alice:\$scrypt\$ln=14,r=8,p=5\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+\n$/)
    const entry = parseCredentials(text).get('alice')!.scrypt!
    expect(await verifyPassword(entry, new TextEncoder().encode('secret one'))).toBe(true)
    expect(await verifyPassword(entry, new TextEncoder().encode('secret two'))).toBe(false)
  })

  test('a place that cannot be written is named as it was given', async () => {
    const running = run(['passwd', join(folder, 'nowhere/users'), 'alice', '--stdin'], {}, 'secret\n')
    expect(await running.ended).toBe(1)
    expect(running.err).toMatch(/File '.*nowhere\/users' cannot be written: ENOENT/)
    expect(running.err).not.toContain('.new')
  })

  test('replaces one user, keeps the rest, follows a link and leaves no draft', async () => {
    const file = join(folder, 'kept')
    const bob = 'bob:$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'
    writeFileSync(file, `# devices\n${bob}\nalice:$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA\n\n# end\n`)
    chmodSync(file, 0o644)
    symlinkSync(file, join(folder, 'link'))
    const running = run(['passwd', join(folder, 'link'), 'alice', '--stdin', '--scram'], {}, 'new')
    expect(await running.ended).toBe(0)
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines.slice(0, 2)).toEqual(['# devices', bob])
    expect(lines[2]).toMatch(/^alice:\$scrypt\$/)
    expect(lines[3]).toMatch(/^alice:\$scram-sha-256\$i=15000\$/)
    expect(lines.slice(4)).toEqual(['', '# end', ''])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).filter(name => name.endsWith('.new'))).toEqual([])
  })

  test.each<[string, string[], string, number, string]>([
    ['no user', ['f'], '', 2, 'meridian passwd FILE USER'],
    ['a colon', ['f', 'a:b', '--stdin'], 'x', 2, 'has a colon'],
    ['empty password', ['f', 'a', '--stdin'], '\n', 2, 'The password is empty'],
    ['no terminal', ['f', 'a'], 'x', 1, '--stdin'],
    ['unknown flag', ['f', 'a', '--stdni'], 'x', 2, "did you mean '--stdin'?"],
  ])('%s', async (_, words, input, status, text) => {
    const running = run(['passwd', ...words.map(word => (word === 'f' ? join(folder, 'none') : word))], {}, input)
    expect(await running.ended).toBe(status)
    expect(running.err).toContain(text)
  })

  test('a file that is no password file is left as it is', async () => {
    const file = join(folder, 'notes')
    writeFileSync(file, 'my notes\n')
    const running = run(['passwd', file, 'a', '--stdin'], {}, 'x')
    expect(await running.ended).toBe(1)
    expect(running.err).toContain('is left as it is')
    expect(readFileSync(file, 'utf8')).toBe('my notes\n')
  })
})
