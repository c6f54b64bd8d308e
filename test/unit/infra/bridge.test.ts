/** The `bridge` section of a core's configuration: what it fills in, and what it says is wrong. */
import { expect, test } from 'vitest'
import { CORE } from '../../../infra/config/commands.ts'
import { load } from '../../../infra/config/load.ts'

const bridge = (section: string) =>
  load(CORE, {
    argv: ['--rocketmq', '127.0.0.1:8081', '--state', 'redis://127.0.0.1', '--config', 'core.yaml'],
    env: {},
    readFile: () => `bridge:\n${section}`,
  }).config.bridge

test('defaults of a rule', () => {
  expect(bridge('  out: [{ filter: a/#, topic: t }]\n  in: [{ topic: t, group: g, to: "x/{tag}" }]')).toEqual({
    out: [{ filter: 'a/#', topic: 't', fifo: 'off', attempts: 20, tenant: '', userPrefix: 'user_' }],
    in: [
      {
        ...{ topic: 't', group: 'g', tags: '*', to: 'x/{tag}', tenant: '', userPrefix: 'user_' },
        ...{ qos: 1, retain: false, expirySec: 0 },
      },
    ],
  })
})

test.each([
  ['out: [{ topic: t }]', 'bridge.out[0].filter is missing'],
  [
    'out: [{ filter: "a/#/b", topic: t }]',
    "bridge.out[0].filter is 'a/#/b' (from core.yaml): Topic filter 'a/#/b' has '#' before its last level",
  ],
  ['out: [{ filter: $share/g/a, topic: t }]', "Topic filter '$share/g/a' is shared"],
  ['out: [{ filter: a, topic: "my topic" }]', 'allowed: letters, digits, -, _ and %, at most 127'],
  [
    'out: [{ filter: a, topic: t, tag: "{level}" }]',
    "Template '{level}' has {level}; known are {clientId}, {level:…}, {user:…}",
  ],
  [
    'out: [{ filter: a, topic: t, deadLetter: t }]',
    "bridge.out[0].deadLetter is 't' (from core.yaml): 't' is the topic itself",
  ],
  ['out: [{ filter: a, topic: t, fifo: yes }]', 'allowed: one of off, client, topic'],
  ['in: [{ topic: t, group: g, to: "a/{level:1}" }]', "Template 'a/{level:1}' has {level:1}; known are {tag}"],
  [
    'in: [{ topic: t, group: g, to: a }, { topic: u, group: g, to: b }]',
    "bridge.in[1].group is 'g' (from core.yaml): Group 'g' is that of bridge.in[0]",
  ],
  ['in: [{ topic: t, group: g, to: a, qos: 3 }]', 'bridge.in[0].qos is 3'],
  [
    'in: [{ topic: t, group: g, to: a, expirySecs: 3 }]',
    "Unknown key bridge.in[0].expirySecs (from core.yaml) (did you mean 'expirySec'?)",
  ],
])('%s', (section, why) => {
  expect(() => bridge(`  ${section}`)).toThrow(why)
})
