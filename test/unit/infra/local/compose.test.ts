/** The compose file is not run here: it must at least say what the code says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { GROUPS, groupCommand, TOPICS, topicCommand } from '../../../../infra/local/rocketmq/names.ts'
import { MERIDIAN_BROKER, MERIDIAN_PROXY } from '../../../../infra/local/rocketmq/settings.ts'

const text = readFileSync(join(import.meta.dirname, '../../../../infra/local/docker-compose.yaml'), 'utf8')
const compose = parse(text, { merge: true }) as {
  services: { setup: { command: [string, string, string] } }
  configs: Record<'broker' | 'proxy', { content: string }>
}

test('it creates the topics and groups with the same commands', () => {
  const [, , script] = compose.services.setup.command
  const [, names, body] = /^for name in (.*); do\n([\s\S]*)\ndone/.exec(script.replaceAll('$$', '$'))!
  const lines = body!
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map(line => line.trim().split(/\s+/).slice(2).join(' '))
  const made = names!.split(' ').flatMap(name => lines.map(line => line.replaceAll('$name', name)))
  const namesrv = 'namesrv:9876'
  const wanted = [...TOPICS.map(one => topicCommand(one, namesrv)), ...GROUPS.map(one => groupCommand(one, namesrv))]
  expect(made.toSorted()).toEqual(wanted.map(words => words.join(' ')).toSorted())
})

test('broker and proxy have the settings that matter', () => {
  const broker = Object.fromEntries(
    compose.configs.broker.content
      .trim()
      .split('\n')
      .map(line => line.split('=') as [string, string]),
  )
  expect(broker).toMatchObject(
    Object.fromEntries(Object.entries(MERIDIAN_BROKER).map(([key, value]) => [key, String(value)])),
  )
  expect(JSON.parse(compose.configs.proxy.content)).toMatchObject(MERIDIAN_PROXY)
})
