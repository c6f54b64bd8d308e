/** The settings of `meridian edge` and `meridian core`: what they need, what they refuse, and what they never print. */
import { describe, expect, test } from 'vitest'
import { CORE, EDGE } from '../../../infra/config/commands.ts'
import { load, loadHosted } from '../../../infra/config/load.ts'

const inputs = (argv: readonly string[], env: Record<string, string> = {}, file = '') => ({
  argv: file === '' ? argv : [...argv, '--config', 'm.yaml'],
  env,
  readFile: () => file,
})
const TOKEN = 'a-long-enough-token'
const edge = (...argv: string[]) => load(EDGE, inputs(['--core', 'ws://127.0.0.1:8090', ...argv]))
const core = (...argv: string[]) => load(CORE, inputs(['--data-dir', ':memory:', ...argv]))

describe('edge', () => {
  test('cores are given one by one, in a list, or in the file, and are whole URLs', () => {
    expect(edge('--core', 'wss://h:1/x', '--link-token', TOKEN).config.core).toEqual([
      'ws://127.0.0.1:8090/link',
      'wss://h:1/x',
    ])
    expect(load(EDGE, inputs(['--core', 'ws://[::1]:1,ws://localhost:2'])).config.core).toEqual([
      'ws://[::1]:1/link',
      'ws://localhost:2/link',
    ])
    expect(load(EDGE, inputs([], {}, 'core: [ws://localhost:3]')).config.core).toEqual(['ws://localhost:3/link'])
    expect(load(EDGE, inputs([], { MERIDIAN_CORE: 'ws://localhost:4/link' })).config.core).toHaveLength(1)
  })

  test('a core that is named twice is one; a site may be preferred', () => {
    expect(edge('--core', 'ws://127.0.0.1:8090/link').config.core).toEqual(['ws://127.0.0.1:8090/link'])
    expect([edge().config.site, edge('--site', 'eu').config.site]).toEqual([undefined, 'eu'])
    expect(() => edge('--site', 'e u')).toThrow("site is 'e u' (from --site); allowed: 1 to 64 letters")
  })

  test('without a core it does not start', () => {
    expect(() => load(EDGE, inputs([]))).toThrow(
      'core is missing; allowed: a list, each ws://HOST:PORT or wss://HOST:PORT',
    )
    expect(() => load(EDGE, inputs(['--core', 'http://h']))).toThrow(
      "core[0] is 'http://h' (from --core); allowed: ws://",
    )
  })

  test('a core on another machine is only linked to with a token or a certificate', () => {
    const far = ['--core', 'wss://core.example']
    expect(() => load(EDGE, inputs(far))).toThrow('core wss://core.example/link is on another machine')
    expect(load(EDGE, inputs(far, { MERIDIAN_LINK_TOKEN: TOKEN })).config.linkToken).toBe(TOKEN)
    expect(load(EDGE, inputs([...far, '--link-cert-file', 'c', '--link-key-file', 'k'])).config.linkCertFile).toBe('c')
    expect(() => load(EDGE, inputs([...far, '--link-cert-file', 'c']))).toThrow('one of them is missing')
    expect(() => edge('--link-ca-file', 'c')).toThrow('has no TLS')
  })

  test('a token in the clear to another machine is a warning', () => {
    expect(load(EDGE, inputs(['--core', 'ws://core.example', '--link-token', TOKEN])).warnings).toHaveLength(1)
    expect(load(EDGE, inputs(['--core', 'wss://core.example', '--link-token', TOKEN])).warnings).toEqual([])
  })

  test('workers share ports, and have one each behind the HTTP port', () => {
    expect(edge('--workers', '4').config.workers).toBe(4)
    expect(() => edge('--workers', '4', '--http-port', '65535')).toThrow('httpPort is 65535')
    expect(() => edge('--workers', '2', '--listeners', '[{kind: unix, path: /x}]')).toThrow('a listener of kind unix')
    expect(() => edge('--workers', '0')).toThrow('workers is 0 (from --workers); allowed: a whole number from 1 to 256')
  })

  test('regions: each once, its own among them, with URLs that devices can use', () => {
    const regions = (list: string) => () => edge('--region', 'eu', '--regions', list).config.regions
    expect(regions('[{name: eu, endpoints: ["mqtt://h:1", "wss://h/mqtt"]}]')()).toEqual([
      { name: 'eu', endpoints: ['mqtt://h:1', 'wss://h/mqtt'], weight: 1 },
    ])
    const eu = '{name: eu, endpoints: ["mqtt://h:1"]}'
    expect(regions(`[${eu}, {name: us, endpoints: ["mqtt://h:1"]}, ${eu}]`)).toThrow(
      "regions[2].name is 'eu', and so is regions[0].name; allowed: each name once",
    )
    expect(regions('[{name: us, endpoints: ["mqtt://h:1"]}]')).toThrow(
      "regions does not name the region of this edge, 'eu' (region); it has 'us'",
    )
    expect(regions('[{name: eu, endpoints: ["http://h:1"]}]')).toThrow(
      "regions[0].endpoints[0] is 'http://h:1' (from --regions); allowed: mqtt://HOST:PORT, mqtts",
    )
    expect(regions('[{name: eu, endpoints: ["mqtt://h:99999"]}]')).toThrow("is 'mqtt://h:99999', which is no URL")
    expect(
      regions('[{name: eu, endpoints: ["mqtt://h:1", "mqtt://g"]}, {name: us, endpoints: ["mqtt://G:1883"]}]'),
    ).toThrow(
      "regions[1].endpoints[0] is 'mqtt://G:1883', and so is regions[0].endpoints[1]; allowed: each endpoint once",
    )
    expect(regions('[{name: eu, endpoints: ["ws://h", "mqtt://h", "ws://h/mqtt"]}]')).toThrow(
      "regions[0].endpoints[2] is 'ws://h/mqtt', and so is regions[0].endpoints[0]; allowed: each endpoint once",
    )
    expect(regions('[{name: eu, endpoints: []}]')).toThrow('regions[0].endpoints is []')
    expect(regions('[{name: "e u", endpoints: ["mqtt://h:1"]}]')).toThrow("regions[0].name is 'e u'")
    expect(regions(`[${eu.replace('}', ', wieght: 2}')}]`)).toThrow(
      "Unknown key regions[0].wieght (from --regions) (did you mean 'weight'?)",
    )
    expect(regions(`[${eu.replace('}', ', health: "ftp://h"}')}]`)).toThrow('regions[0].health is')
  })

  test('settings of the core are refused with the command they are for', () => {
    expect(() => edge('--state', 'redis://h')).toThrow('Flag --state is not for this command; it is for meridian core')
    expect(() => load(EDGE, inputs([], {}, 'dataDir: x'))).toThrow(
      'Unknown key dataDir (from m.yaml); it is for meridian start, meridian core',
    )
    const shared = load(
      EDGE,
      inputs(['--core', 'ws://localhost'], { MERIDIAN_STATE: 'redis://h', MERIDIAN_HOSST: 'x' }),
    )
    expect(shared.warnings).toEqual(["Variable MERIDIAN_HOSST is no setting (did you mean 'MERIDIAN_HOST'?)"])
  })

  test('an id is a word; without one it is the name of the host', () => {
    expect(edge('--id', 'e1').config.id).toBe('e1')
    expect(edge().config.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/)
    expect(() => edge('--id', 'a b')).toThrow("id is 'a b' (from --id); allowed: 1 to 40 letters")
  })
})

describe('core', () => {
  test('either RocketMQ and Redis, or a data directory', () => {
    expect(core().config.stores).toEqual({ are: 'embedded', dataDir: ':memory:' })
    const apart = ['--rocketmq', '127.0.0.1:8081', '--state', 'redis://127.0.0.1:6379']
    expect(load(CORE, inputs(apart)).config.stores).toEqual({
      are: 'apart',
      rocketmq: { endpoint: '127.0.0.1:8081', tls: undefined, credentials: undefined },
      state: 'redis://127.0.0.1:6379',
    })
    for (const wrong of [[], apart.slice(2), apart.slice(0, 2), [...apart, '--data-dir', 'x']])
      expect(() => load(CORE, inputs(wrong))).toThrow('Where messages and sessions are kept is not clear')
  })

  test('RocketMQ over TLS, with authorities of its own', () => {
    const apart = ['--rocketmq', 'a.example:8081;b.example:8081', '--state', 'redis://127.0.0.1:6379']
    const tls = (...argv: string[]) => load(CORE, inputs([...apart, ...argv])).config.stores
    expect(tls('--rocketmq-tls')).toMatchObject({ rocketmq: { tls: {} } })
    expect(tls('--rocketmq-tls', '--rocketmq-ca-file', 'ca.pem')).toMatchObject({
      rocketmq: { tls: { caFile: 'ca.pem' } },
    })
    expect(() => tls('--rocketmq-ca-file', 'ca.pem')).toThrow('rocketmqCaFile needs rocketmqTls (--rocketmq-tls)')
  })

  test('Redis over TLS, with authorities of its own', () => {
    const redis = (state: string) =>
      load(CORE, inputs(['--rocketmq', 'a:8081', '--state', state, '--redis-ca-file', 'ca.pem'])).config.stores
    expect(redis('rediss://h')).toMatchObject({ state: 'rediss://h', redisCaFile: 'ca.pem' })
    expect(() => redis('redis://h')).toThrow('redisCaFile needs state to be rediss://…')
    expect(() => redis('upstash+http://h?token=x')).toThrow('redisCaFile needs state to be rediss://…')
    expect(() => redis('upstash+https://h?token=x')).toThrow('NODE_EXTRA_CA_CERTS')
  })

  test('a bridge needs RocketMQ, and access its secret', () => {
    const rules = '[{ topic: t, group: g, to: a }]'
    expect(() => core('--bridge-in', rules)).toThrow('bridge has rules, but with dataDir there is no RocketMQ')
    expect(() => core('--rocketmq-access-key', 'k')).toThrow('one of them is missing')
    expect(() => core('--bridge-in', '[{ topic: t, group: g, to: "{nothing}" }]')).toThrow(
      /^bridge.in\[0\].to is .*nothing/,
    )
  })

  test.each(['redis://h:1/2', 'rediss://u:p@h', 'upstash+https://h?token=x', 'upstash+http://h:1?token=x'])(
    'state %s',
    state => {
      expect(load(CORE, inputs(['--rocketmq', 'h:1;i:2', '--state', state])).config.stores).toMatchObject({ state })
    },
  )

  test('what is wrong is named, without its secrets', () => {
    const wrong = (...argv: string[]) => {
      try {
        load(CORE, inputs(argv))
      } catch (error) {
        return (error as Error).message
      }
      return ''
    }
    expect(wrong('--rocketmq', 'h', '--state', 'redis://h')).toContain(
      "rocketmq is 'h' (from --rocketmq); allowed: HOST:PORT",
    )
    expect(wrong('--state', 'mongo://u:secret@h')).toContain(
      "state is 'mongo://[redacted]@h' (from --state); allowed: redis://",
    )
    expect(wrong('--link-token', 'short')).toContain(
      "linkToken is '[redacted]' (from --link-token); allowed: 16 to 1024 visible ASCII characters",
    )
  })

  test('bound beyond loopback it wants a token or certificates', () => {
    expect(() => core('--http-host', '0.0.0.0')).toThrow('Anybody could link to 0.0.0.0:8090 as an edge')
    expect(core('--http-host', '0.0.0.0', '--link-token', TOKEN).config.linkToken).toBe(TOKEN)
    const tls = ['--tls-cert-file', 'c', '--tls-key-file', 'k', '--tls-ca-file', 'a']
    expect(core('--http-host', '0.0.0.0', ...tls).config.tlsCaFile).toBe('a')
    expect(() => core('--tls-ca-file', 'a')).toThrow('tlsCaFile needs tlsCertFile')
    expect(() => core('--tls-cert-file', 'a')).toThrow('one of them is missing')
  })
})

describe('on a host that listens itself', () => {
  const OPEN = { MERIDIAN_ALLOW_ANONYMOUS: 'true' }
  const hosted = (env: Record<string, string>, file = '') => loadHosted({ ...OPEN, ...env }, () => file)

  test('it is a gateway without cores, and an edge with them', () => {
    expect(hosted({})).toMatchObject({ is: 'gateway', config: { dataDir: ':memory:', mqttPort: 'off' } })
    const env = { MERIDIAN_CORE: 'ws://[::1]:1,ws://localhost:2', MERIDIAN_REGION: 'us', MERIDIAN_WORKERS: '4' }
    expect(hosted({ ...env, MERIDIAN_MQTT_PORT: '1883', MERIDIAN_DATA_DIR: '/x' })).toMatchObject({
      is: 'edge',
      config: { core: ['ws://[::1]:1/link', 'ws://localhost:2/link'], region: 'us', workers: 1, mqttPort: 'off' },
    })
    expect(hosted({ MERIDIAN_CONFIG: 'm.yaml' }, 'core: [ws://localhost:3]\nsite: eu')).toMatchObject({
      is: 'edge',
      config: { core: ['ws://localhost:3/link'], site: 'eu' },
    })
    expect(hosted({ MERIDIAN_CONFIG: 'm.yaml' }, 'dataDir: /x')).toMatchObject({ is: 'gateway' })
  })

  test('what it cannot do is one warning that names each setting and its place', () => {
    const asked = { MERIDIAN_MQTT_PORT: '1883', MERIDIAN_HTTP_PORT: 'off', MERIDIAN_CONFIG: 'm.yaml' }
    const file = 'host: 0.0.0.0\nlisteners: [{ kind: tcp, port: 1 }]\nlogLevel: warn\n'
    const text = 'Without effect, since the host listens and not Meridian: '
    expect(hosted(asked, file)).toMatchObject({
      is: 'gateway',
      config: { host: '127.0.0.1', mqttPort: 'off', listeners: [], logLevel: 'warn' },
      warnings: [`${text}host (from m.yaml), listeners (from m.yaml), mqttPort (from MERIDIAN_MQTT_PORT)`],
    })
    expect(hosted({ ...asked, MERIDIAN_CORE: 'ws://localhost:1', MERIDIAN_WORKERS: '4' })).toMatchObject({
      is: 'edge',
      config: { workers: 1 },
      warnings: [`${text}mqttPort (from MERIDIAN_MQTT_PORT), workers (from MERIDIAN_WORKERS)`],
    })
    expect(hosted({ MERIDIAN_MQTT_PORT: 'off' })).toMatchObject({ warnings: [] })
  })

  test('it is open to everybody, so it wants to be told who may connect', () => {
    expect(() => loadHosted({ MERIDIAN_CORE: 'ws://localhost:1' }, () => '')).toThrow('MERIDIAN_AUTH_PASSWORD_FILE')
  })
})
