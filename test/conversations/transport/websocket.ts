/** What only a WebSocket can do to a broker. */
import { closed, expect, type Row, type RowOptions, raw, row } from '../row.ts'
import { ALL, alive, bye, got, join, pub, sub } from '../words.ts'

const WS: RowOptions = { transports: ['ws'] }

export const WEBSOCKET: readonly Row[] = [
  row(
    'the subprotocol mqtt is selected, mqttv3.1 for 3.1 clients [MQTT-6.0.0-4] [MQTT3-6.0.0-4]',
    [join('a'), alive('a'), bye('a')],
    { ...WS, ...ALL },
  ),
  row(
    'a text frame closes the connection [MQTT-6.0.0-1] [MQTT3-6.0.0-1]',
    [
      join('a'),
      { do: 'textFrame', who: 'a', text: 'hello' },
      { do: 'closed', who: 'a', farewell: 'disconnect', reason: undefined, withinMs: 5000 },
    ],
    { ...WS, versions: [4] },
  ),
  row(
    'a text frame before CONNECT closes the connection [MQTT-6.0.0-1]',
    [{ do: 'open', who: 'a' }, { do: 'textFrame', who: 'a', text: 'hello' }, closed('a')],
    { ...WS, versions: [4] },
  ),
  row(
    'a packet in several frames, several packets in a frame [MQTT-6.0.0-2] [MQTT3-6.0.0-2]',
    [
      join('a'),
      raw('a', 'c0'),
      raw('a', '00'),
      expect('a', { cmd: 'pingresp' }),
      raw('a', 'c000c000c000'),
      expect('a', { cmd: 'pingresp' }, { cmd: 'pingresp' }, { cmd: 'pingresp' }),
    ],
    WS,
  ),
  row(
    'a large message passes both ways',
    [
      join('b'),
      sub('b', '{t}/x', { qos: 1 }),
      join('a'),
      pub('a', '{t}/x', 'x'.repeat(300_000), { qos: 1 }),
      got('b', '{t}/x', 'x'.repeat(300_000), { qos: 1 }),
    ],
    WS,
  ),
]
