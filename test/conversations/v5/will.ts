/** Wills of 5.0: delay, properties, and what DISCONNECT says. */
import { between } from '../match.ts'
import { closed, drop, type Row, row, send, silence, wait } from '../row.ts'
import { alive, bye, got, join, sub, V5 } from '../words.ts'

const will = (properties: Readonly<Record<string, unknown>> = {}, more: Readonly<Record<string, unknown>> = {}) => ({
  will: { topic: '{t}/will', payload: 'gone', qos: 1, retain: false, properties, ...more },
})
const expiry = (sessionExpiryInterval: number) => ({ properties: { sessionExpiryInterval } })
const watcher = [join('w'), sub('w', '{t}/will', { qos: 1 })]

export const WILL_V5: readonly Row[] = [
  row(
    'a will waits for its delay [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 3 }), ...expiry(60) }),
      drop('a'),
      silence('w', 1800),
      got('w', '{t}/will', 'gone', { qos: 1 }),
      silence('w', 50),
    ],
    V5,
  ),
  row(
    'coming back within the delay cancels the will [MQTT-3.1.3-9] [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 3 }), ...expiry(60) }),
      drop('a'),
      wait(200),
      join('a', { clean: false, ...expiry(60) }, { sessionPresent: true }),
      silence('w', 3800),
    ],
    V5,
  ),
  row(
    'a clean start within the delay ends the session, so the will is published [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 30 }), ...expiry(60) }),
      drop('a'),
      wait(200),
      join('a', { clean: true }, { sessionPresent: false }),
      got('w', '{t}/will', 'gone', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'the end of the session publishes the will before its delay is over [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 30 }), ...expiry(1) }),
      drop('a'),
      got('w', '{t}/will', 'gone', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'a session that ends with its connection publishes its will at once, whatever the delay [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 30 }), ...expiry(0) }),
      drop('a'),
      got('w', '{t}/will', 'gone', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'a takeover cancels a delayed will [MQTT-3.1.3-9]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 1 }), ...expiry(60) }),
      join('a2', { clientId: '{id}a', clean: false, ...expiry(60) }, { sessionPresent: true }),
      closed('a', 0x8e),
      silence('w', 1500),
    ],
    V5,
  ),
  row(
    'a takeover with clean start publishes a delayed will [MQTT-3.1.2-8]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 30 }), ...expiry(60) }),
      join('a2', { clientId: '{id}a', clean: true }, { sessionPresent: false }),
      closed('a', 0x8e),
      got('w', '{t}/will', 'gone', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'DISCONNECT 0x04 publishes the will [MQTT-3.1.2-8] [MQTT-3.14.4-3]',
    [watcher, join('a', will()), bye('a', { reasonCode: 4 }), got('w', '{t}/will', 'gone', { qos: 1 })],
    V5,
  ),
  row(
    'DISCONNECT with an error publishes the will [MQTT-3.14.4-3]',
    [watcher, join('a', will()), bye('a', { reasonCode: 0x80 }), got('w', '{t}/will', 'gone', { qos: 1 })],
    V5,
  ),
  row(
    'DISCONNECT 0x00 removes a delayed will, too [MQTT-3.14.4-3]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 1 }), ...expiry(60) }),
      bye('a', { reasonCode: 0 }),
      silence('w', 1500),
    ],
    V5,
  ),
  row(
    'the properties of a will are those of its message, user properties in order [MQTT-3.1.3-10]',
    [
      watcher,
      join(
        'a',
        will({
          payloadFormatIndicator: true,
          messageExpiryInterval: 100,
          contentType: 'text/plain',
          responseTopic: '{t}/r',
          correlationData: Buffer.from([1, 2]),
          userProperties: { z: '1', a: '2' },
        }),
      ),
      drop('a'),
      got('w', '{t}/will', 'gone', {
        qos: 1,
        properties: {
          payloadFormatIndicator: true,
          messageExpiryInterval: between(95, 100),
          contentType: 'text/plain',
          responseTopic: '{t}/r',
          correlationData: Buffer.from([1, 2]),
          userProperties: { z: '1', a: '2' },
        },
      }),
    ],
    V5,
  ),
  row(
    'the expiry of a will counts from its publication',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 4, messageExpiryInterval: 100 }), ...expiry(60) }),
      drop('a'),
      got('w', '{t}/will', 'gone', { qos: 1, properties: { messageExpiryInterval: between(97, 100) } }),
    ],
    V5,
  ),
  row(
    'a delayed will with retain is kept [MQTT-3.1.2-15]',
    [
      join('a', { ...will({ willDelayInterval: 1 }, { retain: true }), ...expiry(60) }),
      drop('a'),
      wait(3500),
      watcher,
      got('w', '{t}/will', 'gone', { qos: 1, retain: true }),
    ],
    V5,
  ),
  row(
    'a second will replaces a delayed one of the same session [MQTT-3.1.3-9]',
    [
      watcher,
      join('a', { ...will({ willDelayInterval: 3 }, { payload: 'first' }), ...expiry(60) }),
      drop('a'),
      wait(100),
      join('a', { clean: false, ...will({}, { payload: 'second' }), ...expiry(60) }, { sessionPresent: true }),
      drop('a'),
      got('w', '{t}/will', 'second', { qos: 1 }),
      silence('w', 3500),
      send('w', { cmd: 'pingreq' }),
    ],
    V5,
  ),
  row('a watcher stays connected throughout', [watcher, alive('w')], V5),
]
