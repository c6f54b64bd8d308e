/** Topic aliases in both directions, MQTT 5.0. */
import { absent, oneOf, save, use } from '../match.ts'
import { closed, drop, expect, frame, props, type Row, raw, row, send, text } from '../row.ts'
import { got, join, persistent, pub, publish, sub, V5 } from '../words.ts'

export const ALIAS_V5: readonly Row[] = [
  row(
    'a topic alias stands for its topic [MQTT-3.3.2-12]',
    [
      join('b'),
      sub('b', '{t}/#'),
      join('a', {}, { properties: { topicAliasMaximum: save('max') } }),
      pub('a', '{t}/x', 'one', { properties: { topicAlias: 1 } }),
      pub('a', '', 'two', { properties: { topicAlias: 1 } }),
      got('b', '{t}/x', 'one', { properties: absent }),
      got('b', '{t}/x', 'two', { properties: absent }),
    ],
    V5,
  ),
  row(
    'a topic alias can be set anew [MQTT-3.3.2-12]',
    [
      join('b'),
      sub('b', '{t}/#'),
      join('a'),
      pub('a', '{t}/x', 'one', { properties: { topicAlias: 2 } }),
      pub('a', '{t}/y', 'two', { properties: { topicAlias: 2 } }),
      pub('a', '', 'three', { properties: { topicAlias: 2 } }),
      got('b', '{t}/x', 'one'),
      got('b', '{t}/y', 'two'),
      got('b', '{t}/y', 'three'),
    ],
    V5,
  ),
  row(
    'the largest topic alias granted works, the next is 0x94 [MQTT-3.3.2-9] [MQTT-3.3.2-12] [MQTT-3.2.2-17]',
    [
      join('a', {}, { properties: { topicAliasMaximum: save('max') } }),
      send('a', publish('{t}/x', 'one', { qos: 1, messageId: 1, properties: { topicAlias: use('max') } })),
      expect('a', { cmd: 'puback', messageId: 1 }),
      raw('a', frame(0x30, text('{t}/x'), props('23 ffff'), '61')),
      closed('a', 0x94),
    ],
    V5,
  ),
  row(
    'topic alias 0 is 0x94 [MQTT-3.3.2-8]',
    [join('a'), raw('a', frame(0x30, text('{t}/x'), props('23 0000'), '61')), closed('a', oneOf(0x94, 0x82))],
    V5,
  ),
  row(
    'a topic alias that was not set is a protocol error',
    [join('a'), raw('a', frame(0x30, text(''), props('23 0003'), '61')), closed('a', oneOf(0x82, 0x94))],
    V5,
  ),
  row(
    'no topic and no alias is a protocol error [MQTT-4.7.3-1]',
    [join('a'), raw('a', frame(0x30, text(''), props(), '61')), closed('a', oneOf(0x82, 0x90))],
    V5,
  ),
  row(
    'topic aliases do not outlive their connection [MQTT-3.3.2-7]',
    [
      join('a', persistent()),
      pub('a', '{t}/x', 'one', { qos: 1, properties: { topicAlias: 1 } }),
      drop('a'),
      join('a', persistent(), { sessionPresent: true }),
      raw('a', frame(0x30, text(''), props('23 0001'), '61')),
      closed('a', oneOf(0x82, 0x94)),
    ],
    V5,
  ),
  row(
    'topic aliases of two connections are not mixed up [MQTT-3.3.2-7]',
    [
      join('b'),
      sub('b', '{t}/#', { qos: 1 }),
      join('a1'),
      join('a2'),
      pub('a1', '{t}/1', 'one', { qos: 1, properties: { topicAlias: 1 } }),
      pub('a2', '{t}/2', 'two', { qos: 1, properties: { topicAlias: 1 } }),
      pub('a1', '', 'three', { qos: 1, properties: { topicAlias: 1 } }),
      got('b', '{t}/1', 'one', { qos: 1 }),
      got('b', '{t}/2', 'two', { qos: 1 }),
      got('b', '{t}/1', 'three', { qos: 1 }),
    ],
    V5,
  ),
  row(
    'without Topic Alias Maximum the server sends no alias [MQTT-3.1.2-27]',
    [
      join('b'),
      sub('b', '{t}/x'),
      join('a'),
      pub('a', '{t}/x', 'one'),
      pub('a', '{t}/x', 'two'),
      got('b', '{t}/x', 'one', { properties: absent }),
      got('b', '{t}/x', 'two', { properties: absent }),
    ],
    V5,
  ),
  row(
    'the server uses topic aliases within the client’s maximum [MQTT-3.1.2-26] [MQTT-3.3.2-11]',
    [
      join('b', { properties: { topicAliasMaximum: 2 } }),
      sub('b', '{t}/#'),
      join('a'),
      pub('a', '{t}/long/topic', 'one'),
      got('b', '{t}/long/topic', 'one', { properties: { topicAlias: save('alias') } }),
      pub('a', '{t}/long/topic', 'two'),
      got('b', '', 'two', { properties: { topicAlias: use('alias') } }),
      pub('a', '{t}/other/topic', 'three'),
      got('b', '{t}/other/topic', 'three', { properties: { topicAlias: oneOf(1, 2, absent) } }),
    ],
    V5,
  ),
  row(
    'the server names the topic of every QoS 2 message: clients that keep it until PUBREL may not resolve aliases',
    [
      join('b', { properties: { topicAliasMaximum: 2 } }),
      sub('b', '{t}/#', { qos: 2 }),
      join('a'),
      pub('a', '{t}/x', 'one', { qos: 1 }),
      got('b', '{t}/x', 'one', { qos: 1, properties: { topicAlias: 1 } }),
      pub('a', '{t}/x', 'two', { qos: 2 }),
      got('b', '{t}/x', 'two', { qos: 2, properties: { topicAlias: 1 } }),
      pub('a', '{t}/x', 'three', { qos: 1 }),
      got('b', '', 'three', { qos: 1, properties: { topicAlias: 1 } }),
    ],
    V5,
  ),
]
