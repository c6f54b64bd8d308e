/** What `npm test` does about missing Debian packages, on machines that are made up. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Machine, providePackages } from '../../../infra/ci/packages.ts'

const PROGRAMS = { mosquitto: 'mosquitto', 'mosquitto-clients': 'mosquitto_pub', chromium: 'chromium' }
let folder = ''
let asked: string[][]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-packages-'))
  asked = []
  for (const program of ['openssl', 'curl', 'java', 'mvn', 'redis-server', 'python3']) put(program)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(program: string): void {
  writeFileSync(join(folder, program), '')
  chmodSync(join(folder, program), 0o755)
}

const machine = (isRoot: boolean, works: boolean): Machine => ({
  isRoot,
  folders: ['/nowhere', folder],
  aptGet(...words) {
    asked.push([...words])
    if (works && words[0] === 'install')
      for (const [name, program] of Object.entries(PROGRAMS)) if (words.includes(name)) put(program)
    return works
  },
})

test('root gets what is missing, and only that', () => {
  put('chromium')
  expect(providePackages(machine(true, true))).toEqual({ advice: undefined, leaveOut: [], failed: false })
  expect(asked.map(words => words.filter(word => !word.startsWith('-')))).toEqual([
    ['update'],
    ['install', 'mosquitto', 'mosquitto-clients'],
  ])
  expect(providePackages(machine(true, true)).advice).toBeUndefined()
  expect(asked).toHaveLength(2)
})

test.each([
  ['anybody else is told what to install', false, 'sudo apt-get install mosquitto mosquitto-clients chromium'],
  [
    'so is root, who has failed, where apt-get does not work',
    true,
    ': apt-get install mosquitto mosquitto-clients chromium',
  ],
])('%s, and the other tests run', (_name, isRoot, command) => {
  const { advice, leaveOut, failed } = providePackages(machine(isRoot, false))
  expect(advice).toContain(command)
  const device = 'test/integration/device/{device,regions,discovery}.test.ts'
  expect(leaveOut).toEqual([device, 'test/clients/mosquitto*.test.ts', 'test/readme/readme.test.ts'])
  expect(failed).toBe(isRoot)
  expect(asked).toEqual(isRoot ? [['update', '-q']] : [])
})
