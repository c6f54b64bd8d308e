/** Wills, as far as 3.1.1 and 5.0 agree. */
import { oneOf } from '../match.ts'
import { closed, drop, type Row, raw, row, send, silence, wait } from '../row.ts'
import { ALL, bye, got, join, persistent, pub, sub } from '../words.ts'

const will = (more: Readonly<Record<string, unknown>> = {}) => ({
  will: { topic: '{t}/will', payload: 'gone', qos: 0, retain: false, ...more },
})
const watcher = (qos: 0 | 1 | 2 = 2) => [join('w'), sub('w', '{t}/will', { qos })]

export const WILL_BOTH: readonly Row[] = [
  ...([0, 1, 2] as const).map(qos =>
    row(
      `a broken connection publishes its will at QoS ${qos} [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT3-3.1.2-8]`,
      [watcher(), join('a', will({ qos })), drop('a'), got('w', '{t}/will', 'gone', { qos }), silence('w')],
      ALL,
    ),
  ),
  row(
    'DISCONNECT removes the will (rocketmq-mqtt) [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT3-3.14.4-3] [MQTT3-3.1.2-10]',
    [watcher(), join('a', will()), bye('a'), silence('w', 400)],
    ALL,
  ),
  row('a protocol error publishes the will [MQTT-3.1.2-8] [MQTT3-3.1.2-8]', [
    watcher(),
    join('a', will()),
    raw('a', '0000'),
    closed('a', oneOf(0x81, 0x82)),
    got('w', '{t}/will', 'gone'),
  ]),
  row('a will without retain is not kept [MQTT-3.1.2-14] [MQTT3-3.1.2-16]', [
    watcher(),
    join('a', will()),
    drop('a'),
    got('w', '{t}/will', 'gone', { retain: false }),
    join('late'),
    sub('late', '{t}/will'),
    silence('late'),
  ]),
  row('a will with retain is kept [MQTT-3.1.2-15] [MQTT3-3.1.2-17]', [
    watcher(),
    join('a', will({ retain: true, qos: 1 })),
    drop('a'),
    got('w', '{t}/will', 'gone', { qos: 1 }),
    join('late'),
    sub('late', '{t}/will', { qos: 1 }),
    got('late', '{t}/will', 'gone', { retain: true, qos: 1 }),
  ]),
  row('a will with an empty payload and retain removes what was kept', [
    join('p'),
    pub('p', '{t}/will', 'kept', { qos: 1, retain: true }),
    watcher(),
    got('w', '{t}/will', 'kept', { qos: 1, retain: true }),
    join('a', will({ retain: true, payload: '' })),
    drop('a'),
    got('w', '{t}/will', ''),
    join('late'),
    sub('late', '{t}/will'),
    silence('late'),
  ]),
  row('without a will nothing is published [MQTT3-3.1.2-12]', [watcher(), join('a'), drop('a'), silence('w', 300)]),
  row('the will of the connection before is not that of the next [MQTT-3.1.2-10] [MQTT3-3.1.2-10]', [
    watcher(),
    join('a', will()),
    bye('a'),
    join('a'),
    drop('a'),
    silence('w', 300),
  ]),
  row('a takeover publishes the will of the connection it ends [MQTT-3.1.2-8] [MQTT3-3.1.2-8]', [
    watcher(),
    join('a', will()),
    join('a2', { clientId: '{id}a' }),
    closed('a', 0x8e),
    got('w', '{t}/will', 'gone'),
    silence('w'),
  ]),
  row('a second CONNECT publishes the will once [MQTT-3.1.0-2]', [
    watcher(),
    join('a', will()),
    send('a', { cmd: 'connect', clientId: '{id}a', clean: true, keepalive: 0 }),
    closed('a', 0x82),
    got('w', '{t}/will', 'gone'),
    silence('w'),
  ]),
  row('a will waits for an absent subscriber [MQTT-4.5.0-1]', [
    join('w', persistent()),
    sub('w', '{t}/will', { qos: 1 }),
    bye('w'),
    join('a', will({ qos: 1 })),
    drop('a'),
    wait(200),
    join('w', persistent(), { sessionPresent: true }),
    got('w', '{t}/will', 'gone', { qos: 1 }),
  ]),
]
