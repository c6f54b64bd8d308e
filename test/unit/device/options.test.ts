/** What `connect` takes and refuses. */
import { expect, test } from 'vitest'
import { endpointOf, type Scheme } from '../../../device/endpoint.ts'
import { DeviceError } from '../../../device/error.ts'
import { type ConnectOptions, settingsFrom } from '../../../device/options.ts'

const schemes: readonly Scheme[] = ['mqtt', 'ws']
const settings = (options: Partial<ConnectOptions>) => settingsFrom({ clientId: 'd', ...options }, { schemes })

test('mere URLs are regions of their own, named ones are put together', () => {
  const { regions } = settings({
    endpoints: ['mqtt://[::1]', { url: 'mqtt://eu', region: 'eu', weight: 3 }, { url: 'ws://eu:8080', region: 'eu' }],
  })
  expect(regions).toMatchObject([
    { name: '[::1]:1883', weight: 1, endpoints: [{ host: '::1', port: 1883 }] },
    { name: 'eu', weight: 3, endpoints: [{ url: 'mqtt://eu:1883' }, { url: 'ws://eu:8080/mqtt' }] },
  ])
})

test('what MQTT.js gets are its own options only', () => {
  const { mqtt } = settings({
    endpoints: ['mqtt://a'],
    username: 'u',
    outbox: 'x',
    preferRegion: 'a',
    sessions: 'separate',
  })
  expect(mqtt).toEqual({ username: 'u', protocolVersion: 5, properties: { sessionExpiryInterval: 86_400 } })
})

test.each([
  [{ clientId: '' }, 'clientId is needed: the session belongs to it'],
  [{}, 'Neither an endpoint that can be used nor a discovery URL is given'],
  [
    { endpoints: ['wss://a', 'x'] },
    "Neither an endpoint that can be used nor a discovery URL is given; Endpoint 'wss://a' cannot be used here: mqtt, ws can; Endpoint 'x' is not a URL",
  ],
  [{ discovery: 'mqtt://a' }, "Discovery URL 'mqtt://a' is neither http:// nor https://"],
  [
    { endpoints: [{ url: 'mqtt://a', weight: -1 }] },
    "Endpoint 'mqtt://a' has the weight -1, which is no number from 0 on",
  ],
  [
    { endpoints: ['mqtt://a'], limits: { outboxMaxMessages: 70_000 } },
    "Limit 'outboxMaxMessages' is 70000, not from 1 to 60000",
  ],
  [{ endpoints: ['mqtt://a'], limits: { reviewMs: Number.NaN } }, "Limit 'reviewMs' is NaN, not a number from 0 on"],
  [
    { endpoints: ['mqtt://a'], protocolVersion: 4 as const, messageIds: true },
    'messageIds need MQTT 5: 3.1.1 has no user properties',
  ],
  [{ endpoints: ['mqtt://a'], preferedRegion: 'eu' }, "Option 'preferedRegion' is not known"],
  [{ endpoints: 'mqtt://a' }, 'endpoints is not a list'],
  [{ endpoints: [null] }, 'Endpoint null is neither a URL nor has one'],
  [{ endpoints: [{ url: 'mqtt://a', region: '' }] }, "Region of endpoint 'mqtt://a' has no name"],
  [{ endpoints: ['mqtt://a', 'ws://a', 'mqtt://A:1883'] }, "Endpoint 'mqtt://a:1883' is given twice"],
  [
    {
      endpoints: [
        { url: 'ws://a', region: 'eu' },
        { url: 'ws://a/mqtt', region: 'us' },
      ],
    },
    "Endpoint 'ws://a:80/mqtt' is given twice",
  ],
  [{ discovery: 17 }, 'discovery is neither a URL nor a list of URLs'],
  [{ endpoints: ['mqtt://a'], sessions: 'seperate' }, "sessions 'seperate' is neither 'shared' nor 'separate'"],
  [{ endpoints: ['mqtt://a'], outbox: '' }, 'outbox is not a name'],
  [{ endpoints: ['mqtt://a'], clientId: 'a\0' }, 'clientId is too long, or has NUL in it'],
  [
    { endpoints: ['mqtt://a'], will: { topic: 'a/#', payload: 'x' } },
    "Topic 'a/#' of the will is empty or too long, or has a wildcard or NUL in it",
  ],
] as const)('%j is refused', (options, text) => {
  expect(() => settings(options as Partial<ConnectOptions>)).toThrow(new DeviceError('invalid', text))
})

test('a user in an endpoint’s URL is refused without showing it', () => {
  expect(() => endpointOf('mqtt://user:secret@host')).toThrow(
    'Endpoint at host has a user in its URL; give username and password as options',
  )
})
