/** An application in strict TypeScript, with nothing but the built SDK: no types of Node or MQTT.js. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { endsAfterEachTest, folder } from './rig.ts'

endsAfterEachTest()

const root = resolve(import.meta.dirname, '../../..')
const dist = resolve(root, process.env.MERIDIAN_TEST_DIST ?? 'dist')
const application = (bundle: string): string => `
import { connect, type ConnectOptions, type Device, DeviceError, type Listener } from '${dist}/${bundle}.mjs'
const options: ConnectOptions = {
  clientId: 'x',
  endpoints: ['mqtts://a', { url: 'wss://b', region: 'eu', weight: 2 }],
  will: { topic: 'a', payload: new Uint8Array(3), qos: 1, properties: { willDelayInterval: 4 } },
  limits: { outboxMaxMessages: 5 },
}
const device: Device = await connect(options)
const listener: Listener<'message'> = message => message.text().length
device.on('message', listener)
try {
  await device.publish('a', 'b', { qos: 2, properties: { userProperties: { a: 'b' } } })
} catch (error) {
  if (error instanceof DeviceError && error.code === 'outbox-full') await device.flush()
}
device.on('nothing', () => undefined)
await connect({ clientId: 'x', endpoint: [] })
`

test('types of both bundles: of its lines the last two are wrong', () => {
  const at = folder()
  const bundles = ['meridian-device.browser', 'meridian-device']
  for (const bundle of bundles) writeFileSync(join(at, `${bundle}.mts`), application(bundle))
  const strict = { strict: true, exactOptionalPropertyTypes: true, module: 'NodeNext', target: 'ES2024' }
  const compilerOptions = { ...strict, noEmit: true, types: [] }
  writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }))
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', at], {
    encoding: 'utf8',
  })
  expect(tsc.stdout.split('\n').filter(line => /^\S/.test(line))).toEqual(
    bundles.flatMap(bundle => [
      expect.stringMatching(new RegExp(`${bundle}.mts\\(17,11\\): error TS2345: .*"nothing"`)),
      expect.stringMatching(new RegExp(`${bundle}.mts\\(18,32\\): error TS2561: .*'endpoint' does not exist`)),
    ]),
  )
})
