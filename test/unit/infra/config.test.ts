/** Loading the configuration: order of sources, errors a user can act on, refusals. */
import { expect, describe as suite, test } from 'vitest'
import { START } from '../../../infra/config/commands.ts'
import { describe } from '../../../infra/config/describe.ts'
import { type Inputs, load as loadFor } from '../../../infra/config/load.ts'
import { nearest } from '../../../infra/config/nearest.ts'
import { ConfigError } from '../../../infra/config/problem.ts'

const missing = (path: string): string => {
  throw new Error(`ENOENT: no such file, open '${path}'`)
}
const inputs = (argv: string[] = [], env: Inputs['env'] = {}, files: Record<string, string> = {}): Inputs => ({
  argv,
  env,
  readFile: path => files[path] ?? missing(path),
})
const load = (of: Inputs) => loadFor(START, of)
const problems = (of: Inputs, run: (of: Inputs) => unknown = load): readonly string[] => {
  try {
    run(of)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

suite('sources', () => {
  test('defaults alone are enough, and anonymous clients are let in on loopback', () => {
    const { config } = load(inputs())
    expect(config).toMatchObject({ host: '127.0.0.1', mqttPort: 1883, httpPort: 8080, auth: { allowAnonymous: true } })
    expect(config.limits.maxInflight).toBe(1024)
  })

  test('file < variables < flags, setting by setting', () => {
    const file = 'mqttPort: 1\nhttpPort: 2\nlimits: { maxInflight: 3, maxTopicLevels: 4 }'
    const env = { MERIDIAN_CONFIG: 'm.yaml', MERIDIAN_HTTP_PORT: '20', MERIDIAN_LIMITS_MAX_INFLIGHT: '30' }
    const { config } = load(inputs(['--limits-max-inflight', '300'], env, { 'm.yaml': file }))
    expect(config).toMatchObject({ mqttPort: 1, httpPort: 20, limits: { maxInflight: 300, maxTopicLevels: 4 } })
  })

  test('every setting is reachable by its flag and by its variable', () => {
    for (const { key, flag, variable, node } of START.catalog.settings) {
      const value =
        node.default ?? (node.type === 'boolean' ? true : node.type === 'array' ? ['https://x', 'https://y'] : 'x')
      const text =
        Array.isArray(value) && node.items?.type === 'string'
          ? value.join(',')
          : typeof value === 'string'
            ? value
            : JSON.stringify(value)
      const read = (config: object) =>
        key.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], config)
      expect(read(load(inputs([`${flag}=${text}`])).config), flag).toEqual(value)
      expect(read(load(inputs([], { [variable]: text })).config), variable).toEqual(value)
    }
  })

  test('switches: alone, with a value, negated', () => {
    expect(load(inputs(['--mqtt-queue-qos0'])).config.mqtt.queueQos0).toBe(true)
    expect(load(inputs(['--mqtt-queue-qos0', 'false'])).config.mqtt.queueQos0).toBe(false)
    expect(load(inputs(['--no-mqtt-retain-available'])).config.mqtt.retainAvailable).toBe(false)
    expect(load(inputs(['--host', '0.0.0.0', '--allow-anonymous'])).config.auth.allowAnonymous).toBe(true)
    expect(
      load(inputs([], { MERIDIAN_ALLOW_ANONYMOUS: '1', MERIDIAN_HOST: '0.0.0.0' })).config.auth.allowAnonymous,
    ).toBe(true)
  })

  test('listeners as text', () => {
    const { config } = load(inputs(['--listeners', '[{kind: unix, path: /tmp/m.sock}, {kind: tcp, port: 0}]']))
    expect(config.listeners).toEqual([
      { kind: 'unix', path: '/tmp/m.sock' },
      { kind: 'tcp', host: '127.0.0.1', port: 0, proxyProtocol: false },
    ])
  })

  test('a WebSocket listener may be behind a proxy too', () => {
    const { listeners } = load(inputs(['--listeners', '[{kind: ws, port: 0, proxyProtocol: true}]'])).config
    expect(listeners).toMatchObject([{ kind: 'ws', host: '127.0.0.1', port: 0, proxyProtocol: true }])
  })

  test('the HTTP port serves all pages, a further WebSocket listener those for devices', () => {
    const { config } = load(inputs(['--listeners', '[{kind: ws, port: 0}, {kind: ws, port: 0, pages: all}]']))
    expect(config.httpPages).toBe('all')
    expect(config.listeners).toMatchObject([{ pages: 'devices' }, { pages: 'all' }])
    expect(load(inputs([], { MERIDIAN_HTTP_PAGES: 'none' })).config.httpPages).toBe('none')
    expect(problems(inputs(['--listeners', '[{kind: ws, port: 0, pages: some}]']))).toEqual([
      "listeners[0].pages is 'some' (from --listeners); allowed: one of all, devices, none",
    ])
  })

  test('origins of pages are origins, not addresses of pages', () => {
    const given = (text: string) => load(inputs(['--auth-allowed-origins', text])).config.auth.allowedOrigins
    expect(given('https://a.example, http://b.example:81')).toEqual(['https://a.example', 'http://b.example:81'])
    expect(() => given('https://a.example/')).toThrow(
      "auth.allowedOrigins[0] is 'https://a.example/' (from --auth-allowed-origins); allowed: https://HOST or https://HOST:PORT",
    )
  })

  test('an unknown variable is only a warning: service managers set such names on their own', () => {
    expect(load(inputs([], { MERIDIAN_MQTT_PROT: '1' })).warnings).toEqual([
      "Variable MERIDIAN_MQTT_PROT is no setting (did you mean 'MERIDIAN_MQTT_PORT'?)",
    ])
  })
})

suite('errors name key, value, origin and what is allowed', () => {
  const file = (text: string) => inputs(['--config=m.yaml'], {}, { 'm.yaml': text })
  test.each<[string, Inputs, string]>([
    [
      'flag',
      inputs(['--mqtt-port', '99999']),
      'mqttPort is 99999 (from --mqtt-port); allowed: a whole number from 0 to 65535 or off',
    ],
    [
      'variable',
      inputs([], { MERIDIAN_LIMITS_MAX_INFLIGHT: 'many' }),
      "limits.maxInflight is 'many' (from MERIDIAN_LIMITS_MAX_INFLIGHT); allowed: a whole number from 1 to 65535",
    ],
    [
      'file',
      file('logLevel: loud'),
      "logLevel is 'loud' (from m.yaml); allowed: one of trace, debug, info, warn, error, fatal, silent",
    ],
    [
      'fraction',
      inputs(['--limits-max-qos=1.5']),
      'limits.maxQos is 1.5 (from --limits-max-qos); allowed: one of 0, 1, 2',
    ],
    ['unknown flag', inputs(['--mqt-port', '1']), "Unknown flag --mqt-port (did you mean '--mqtt-port'?)"],
    ['the end of a flag', inputs(['--port=1']), "Unknown flag --port (did you mean '--mqtt-port'?)"],
    [
      'unknown key',
      file('limits: { maxInflite: 3 }'),
      "Unknown key limits.maxInflite (from m.yaml) (did you mean 'maxInflight'?)",
    ],
    [
      'list item',
      file('listeners: [{ kind: tcp, port: x }]'),
      "listeners[0].port is 'x' (from m.yaml); allowed: a whole number from 0 to 65535",
    ],
    [
      'missing',
      file('listeners: [{ kind: tls, port: 1 }]'),
      'listeners[0].certFile is missing (from m.yaml); allowed: a text that is not empty',
    ],
    [
      'kind',
      file('listeners: [{ kind: udp }]'),
      "listeners[0].kind is 'udp' (from m.yaml); allowed: one of tcp, tls, ws, wss, unix",
    ],
    ['section', file('limits: 7'), 'limits is 7 (from m.yaml); allowed: a mapping'],
    ['no mapping', file('- a'), 'm.yaml must hold a mapping of settings, not ["a"]'],
    ['no value', inputs(['--host']), 'Flag --host needs a value'],
    ['stray word', inputs(['now']), "Unexpected argument 'now'"],
    ['prototype', file('__proto__: { host: 0.0.0.0 }'), 'Unknown key __proto__.host (from m.yaml)'],
  ])('%s', (_, of, text) => {
    expect(problems(of)).toContain(text)
  })

  test('all of them at once', () => {
    expect(problems(inputs(['--mqtt-port', 'x', '--host', '', '--nope']))).toHaveLength(3)
  })

  test('a file that is not there, or is no YAML', () => {
    expect(problems(inputs(['--config', 'none.yaml']))[0]).toMatch(
      /^Configuration file 'none.yaml' cannot be read: ENOENT/,
    )
    expect(problems(file('a: [1'))[0]).toMatch(/^m.yaml is not valid YAML: /)
  })
})

suite('who may connect', () => {
  test('bound beyond loopback without authentication is refused and says what to do', () => {
    const [text] = problems(inputs(['--host', '0.0.0.0']))
    expect(text).toContain('0.0.0.0:1883')
    expect(text).toContain('--auth-password-file')
    expect(text).toContain('--allow-anonymous')
  })

  test.each(['localhost', '::1', '127.8.0.1', '::ffff:127.0.0.1'])('%s is loopback', host => {
    expect(load(inputs(['--host', host])).config.auth.allowAnonymous).toBe(true)
  })

  test('a host that only looks like loopback is not', () => {
    expect(problems(inputs(['--host', '127.0.0.1.example.org']))).toHaveLength(1)
  })

  test('with a password file anonymous clients are refused unless allowed', () => {
    const withFile = ['--host', '0.0.0.0', '--auth-password-file', 'users']
    expect(load(inputs(withFile)).config.auth.allowAnonymous).toBe(false)
    expect(load(inputs([...withFile, '--allow-anonymous'])).config.auth.allowAnonymous).toBe(true)
  })

  test('a listener beyond loopback counts too, unless client certificates name the user', () => {
    const tls = 'kind: tls, host: 0.0.0.0, port: 8883, certFile: c, keyFile: k'
    expect(problems(inputs(['--listeners', `[{${tls}}]`]))[0]).toContain('tls://0.0.0.0:8883')
    const mutual = `${tls}, caFile: ca, requireClientCertificate: true, certificateAsUsername: true`
    const { auth } = load(inputs(['--listeners', `[{${mutual}}]`])).config
    expect(auth).toMatchObject({ allowAnonymous: false, certificateListeners: ['tls'] })
  })

  test('listeners of one kind must agree on what a certificate means', () => {
    const tls = 'kind: tls, port: 8883, certFile: c, keyFile: k, caFile: ca, requireClientCertificate: true'
    const [text] = problems(inputs(['--listeners', `[{${tls}, certificateAsUsername: true}, {${tls}}]`]))
    expect(text).toContain('listeners of kind tls differ in certificateAsUsername')
  })

  test('settings that let nobody in are refused', () => {
    expect(problems(inputs(['--no-allow-anonymous']))[0]).toContain('nobody could connect')
    expect(problems(inputs(['--auth-password-file', 'u', '--auth-order', 'anonymous']))[0]).toContain(
      "does not list 'password'",
    )
  })
})

test('secrets are not described', () => {
  const url = ['redis://u:p@h/0', 'upstash+http://h:1?token=x&a=b', 'ws://h/link', 'what?token=x']
  expect(describe({ a: { password: 'x', passwordFile: 'f', apiToken: 'y' }, url })).toEqual({
    a: { password: '[redacted]', passwordFile: 'f', apiToken: '[redacted]' },
    url: ['redis://[redacted]@h/0', 'upstash+http://h:1?token=[redacted]&a=b', 'ws://h/link', 'what?token=x'],
  })
})

test('nearest finds swaps and misses, and gives nothing for something else', () => {
  expect(nearest('maxInflgiht', ['maxInflight', 'maxQos'])).toBe('maxInflight')
  expect(nearest('MQTTport', ['mqttPort', 'httpPort'])).toBe('mqttPort')
  expect(nearest('zebra', ['mqttPort', 'httpPort'])).toBeUndefined()
})
