/** Asking a broker whether it would take us. */
import { expect, test } from 'vitest'
import { endpointOf } from '../../../device/endpoint.ts'
import { knock } from '../../../device/knock.ts'
import { friendly, type Script, scripted } from '../../integration/device/scripted.ts'

const LONG_MS = 10_000

/** `last`: what is waited for. */
async function asked(
  script: Script,
  withinMs = LONG_MS,
  last = 'connect clean',
): Promise<{ isThere: boolean; came: readonly string[] }> {
  const broker = await scripted(script)
  const will = { topic: 'w', payload: 'gone', qos: 0 as const, retain: false }
  const options = { protocolVersion: 5 as const, will: { ...will, payload: Buffer.from('gone') } }
  const isThere = await knock(endpointOf(`mqtt://127.0.0.1:${broker.port}`), 'me', options, withinMs)
  await expect.poll(() => broker.came).toContain(last)
  await broker.close()
  return { isThere, came: broker.came }
}

test('a broker that takes us is there, and gets DISCONNECT', async () => {
  expect(await asked(friendly({}), LONG_MS, 'disconnect')).toEqual({
    isThere: true,
    came: ['connect clean', 'disconnect'],
  })
})

test.each([
  [0x87, true],
  [0x9c, false],
  [0x88, false],
])('reason code %s', async (reasonCode, isThere) => {
  expect((await asked(friendly({ reasonCode }))).isThere).toBe(isThere)
})

test('one that is silent, closes or is not there at all is not', async () => {
  expect((await asked(() => undefined, 300)).isThere).toBe(false)
  expect((await asked((_, __, end) => end())).isThere).toBe(false)
  expect(await knock(endpointOf('mqtt://127.0.0.1:1'), 'me', {}, LONG_MS)).toBe(false)
})
