/** `infra/examples/local`: Terraform brings two regions up on this machine, a device of one hears a device of the other, and Terraform takes them down. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { status } from '../../../infra/local/regions/status.ts'
import { INFRA, leftOut, terraform } from './terraform.ts'

/** Two sites of RocketMQ, with other tests beside them. */
const UP_WITHIN_MS = 10 * 60_000
const DOWN_WITHIN_MS = 3 * 60_000
const HEARD_WITHIN_MS = 60_000
const EXAMPLE = join(INFRA, 'examples/local')
const absent = leftOut(['terraform'])

interface Outputs {
  readonly mqtt: { readonly value: Readonly<Record<string, string>> }
  readonly folder: { readonly value: string }
}

describe.skipIf(absent !== '')(`two regions by terraform apply${absent}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tf-'))
  const state = `-state=${join(folder, 'terraform.tfstate')}`
  // The programs are there: other tests use them, and a build would change them under their feet.
  const variables = ['-var', `folder=${folder}`, '-var', 'build=false', '-var', 'wan_ms=10']
  const run = (...words: string[]): Promise<string> => terraform(EXAMPLE, words, { TF_DATA_DIR: join(folder, 'data') })
  const clients: MqttClient[] = []
  let destroyed = true

  const outputs = async (): Promise<Outputs> => JSON.parse(await run('output', '-json', state)) as Outputs
  const destroy = async (): Promise<void> => {
    await run('destroy', '-input=false', '-auto-approve', state, ...variables)
    destroyed = true
  }
  const device = async (url: string, clientId: string): Promise<MqttClient> => {
    const client = await connectAsync(url, { clientId, protocolVersion: 5, reconnectPeriod: 0 })
    clients.push(client)
    return client
  }

  beforeAll(async () => {
    await run('init', '-input=false')
    destroyed = false
    await run('apply', '-input=false', '-auto-approve', state, ...variables)
  }, UP_WITHIN_MS)
  afterAll(async () => {
    for (const client of clients) await client.endAsync(true)
    if (!destroyed) await destroy()
    rmSync(folder, { recursive: true, force: true })
  }, DOWN_WITHIN_MS)

  test(
    'a device of one region hears a device of the other',
    async () => {
      const { mqtt } = await outputs()
      expect(Object.keys(mqtt.value)).toEqual(['eu', 'us'])
      const [eu, us] = await Promise.all([device(mqtt.value.eu!, 'in-eu'), device(mqtt.value.us!, 'in-us')])
      const heard: string[] = []
      eu.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
      await eu.subscribeAsync('over/the/sea', { qos: 1 })
      // The other site learns of the subscription a moment after SUBACK.
      const say = async (): Promise<string | undefined> => {
        await us.publishAsync('over/the/sea', 'hello', { qos: 1 })
        return heard[0]
      }
      await expect.poll(say, { timeout: HEARD_WITHIN_MS - 5_000, interval: 500 }).toBe('over/the/sea hello')
    },
    HEARD_WITHIN_MS,
  )

  test(
    'nothing is to be changed by another apply',
    async () => {
      // -detailed-exitcode: another status than 0 if there is something.
      expect(await run('plan', '-input=false', '-detailed-exitcode', state, ...variables)).toContain('No changes')
    },
    HEARD_WITHIN_MS,
  )

  test(
    'destroy ends every process',
    async () => {
      const { folder: dir } = await outputs()
      const before = await status(dir.value)
      expect(
        before!.regions.flatMap(region => region.processes).filter(({ pid }) => pid !== undefined).length,
      ).toBeGreaterThan(5)
      await Promise.all(clients.splice(0).map(client => client.endAsync(true)))
      await destroy()
      const after = await status(dir.value)
      const left = [...after!.global.processes, ...after!.regions.flatMap(region => region.processes)]
      expect(left.filter(({ health }) => health !== 'stopped').map(({ name, health }) => `${name} ${health}`)).toEqual(
        [],
      )
    },
    DOWN_WITHIN_MS,
  )
})
