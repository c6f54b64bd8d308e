/** `infra/image/Dockerfile` without Docker: what it copies is there after a build and runs by itself, on the Node that the tests use. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const ROOT = new URL('../../../', import.meta.url).pathname
const STARTS_WITHIN_MS = 30_000
const READY = 'Meridian is ready'

/** Instructions in order, each with the rest of its line. */
const instructions = readFileSync(`${ROOT}infra/image/Dockerfile`, 'utf8')
  .replaceAll('\\\n', '')
  .split('\n')
  .filter(line => /^[A-Z]/.test(line))
  .map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const)
const all = (name: string): string[] => instructions.filter(([one]) => one === name).map(([, rest]) => rest)

describe('the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'))
  const sources = all('COPY').flatMap(words => words.split(' ').slice(0, -1))
  for (const source of sources) cpSync(join(ROOT, source), join(folder, basename(source)))
  afterAll(() => rmSync(folder, { recursive: true }))

  /** The command of the entry point's script, where the files were copied to. */
  const { program, words } = (() => {
    const [, line = ''] = /exec (\S+ [^"]*)"\$@"/.exec(all('RUN').join('\n')) ?? []
    const [program = '', ...words] = line.trim().replaceAll('/opt/meridian/', `${folder}/`).split(' ')
    return { program, words }
  })()

  test('has the Node of the tests, and root does not run it', () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}node_modules/node/package.json`, 'utf8')) as { version: string }
    expect(all('FROM')).toEqual([`node:${version}-slim`])
    expect(all('USER')).toEqual(['1000'])
    expect(instructions.findIndex(([name]) => name === 'USER')).toBeGreaterThan(
      instructions.findLastIndex(([name]) => name === 'RUN'),
    )
  })

  test('says what it can do', () => {
    expect(JSON.parse(all('ENTRYPOINT')[0]!)).toEqual(['meridian'])
    const said = execFileSync(program, [...words, ...(JSON.parse(all('CMD')[0]!) as string[])], { encoding: 'utf8' })
    expect(said).toContain('meridian core [flags]')
  })

  test.each([
    ['start', '--mqtt-port', '0', '--http-port', '0', '--data-dir', ':memory:'],
    ['core', '--http-port', '0', '--data-dir', ':memory:'],
    ['edge', '--mqtt-port', '0', '--http-port', '0', '--core', 'ws://127.0.0.1:1'],
  ])(
    'runs %s with nothing but what is copied',
    async (...argv) => {
      const child = spawn(program, [...words, ...argv], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          const before = said.includes(READY)
          said += String(chunk)
          if (!before && said.includes(READY)) child.kill('SIGTERM')
        })
      const status = await new Promise(done => child.once('exit', done))
      expect([status, said]).toEqual([0, expect.stringContaining(READY)])
    },
    STARTS_WITHIN_MS,
  )
})
