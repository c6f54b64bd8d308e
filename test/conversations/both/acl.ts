/** Passwords and rights, with the users and the ACL of the profile `acl`; as far as 3.1.1 and 5.0 agree. */
import { oneOf } from '../match.ts'
import { drop, expect, on3, on5, type Row, type RowOptions, row, send, silence } from '../row.ts'
import { alive, got, join, pub, publish, refused, sub } from '../words.ts'

const ACL: RowOptions = { profile: 'acl' }
const alice = { username: 'alice', password: 'wonderland' }
const bob = { username: 'bob', password: 'builder' }
/** Mosquitto grants what it then does not deliver, so a refusal is checked by its code and by silence. */
const DENIED = oneOf(0x80, 0x87)

/** Not allowed: 3.1.1 acknowledges and drops, 5.0 says so. */
const denied = (who: string, topic: string, qos: 1 | 2) => [
  send(who, publish(topic, 'forbidden', { qos, messageId: 44 })),
  on3(expect(who, { cmd: qos === 1 ? 'puback' : 'pubrec', messageId: 44 })),
  on5(expect(who, { cmd: qos === 1 ? 'puback' : 'pubrec', messageId: 44, code: 0x87 })),
]

export const ACL_BOTH: readonly Row[] = [
  row('the right password is accepted [MQTT-3.1.4-2]', [join('a', alice), alive('a')], ACL),
  row(
    'a wrong password is refused with 4 or 0x86 [MQTT-3.1.4-2] [MQTT-3.2.2-8]',
    [
      on3(refused('a', { username: 'alice', password: 'looking-glass' }, oneOf(4, 5))),
      on5(refused('a', { username: 'alice', password: 'looking-glass' }, oneOf(0x86, 0x87))),
    ],
    ACL,
  ),
  row(
    'an unknown user is refused with 4 or 0x86',
    [
      on3(refused('a', { username: 'nobody', password: 'x' }, oneOf(4, 5))),
      on5(refused('a', { username: 'nobody', password: 'x' }, oneOf(0x86, 0x87))),
    ],
    ACL,
  ),
  row(
    'a user name without password is refused',
    [
      on3(refused('a', { username: 'alice' }, oneOf(4, 5))),
      on5(refused('a', { username: 'alice' }, oneOf(0x86, 0x87))),
    ],
    ACL,
  ),
  row(
    'no will of a client that failed authentication is ever published (EMQX #8978, NanoMQ #2330)',
    [
      join('w', alice),
      sub('w', 'open/{t}/will'),
      on3(
        refused(
          'a',
          { username: 'alice', password: 'bad', will: { topic: 'open/{t}/will', payload: 'x', qos: 0, retain: false } },
          oneOf(4, 5),
        ),
      ),
      on5(
        refused(
          'a',
          { username: 'alice', password: 'bad', will: { topic: 'open/{t}/will', payload: 'x', qos: 0, retain: false } },
          oneOf(0x86, 0x87),
        ),
      ),
      silence('w', 400),
    ],
    ACL,
  ),
  row(
    'a failed authentication does not take a connection over',
    [
      join('a', alice),
      on3(refused('a2', { clientId: '{id}a', username: 'alice', password: 'bad' }, oneOf(4, 5))),
      on5(refused('a2', { clientId: '{id}a', username: 'alice', password: 'bad' }, oneOf(0x86, 0x87))),
      alive('a'),
    ],
    ACL,
  ),
  row(
    'publishing where it is allowed',
    [
      join('b', bob),
      sub('b', 'open/{t}/x'),
      join('a'),
      pub('a', 'open/{t}/x', 'payload'),
      got('b', 'open/{t}/x', 'payload'),
    ],
    ACL,
  ),
  row(
    'publishing where it is not allowed is dropped, QoS 0',
    [
      join('w', alice),
      sub('w', 'read/{t}/x'),
      join('b', bob),
      pub('b', 'read/{t}/x', 'forbidden'),
      alive('b'),
      silence('w'),
    ],
    ACL,
  ),
  row(
    'publishing where it is not allowed is refused with 0x87, QoS 1 and 2 [MQTT3-3.3.5-2] [MQTT-3.4.2-1] [MQTT-3.5.2-1]',
    [
      join('w', alice),
      sub('w', 'read/{t}/x', { qos: 2 }),
      join('b', bob),
      denied('b', 'read/{t}/x', 1),
      alive('b'),
      silence('w'),
    ],
    ACL,
  ),
  row(
    'a QoS 2 PUBLISH that is not allowed ends with its PUBREC [MQTT-4.3.3-9]',
    [
      join('w', alice),
      sub('w', 'read/{t}/x', { qos: 2 }),
      join('b', bob),
      denied('b', 'read/{t}/x', 2),
      silence('w'),
      on5(pub('b', 'open/{t}/y', 'same id', { qos: 2, messageId: 44 })),
      on3(send('b', { cmd: 'pubrel', messageId: 44 }), expect('b', { cmd: 'pubcomp', messageId: 44 })),
      silence('w'),
    ],
    ACL,
  ),
  row(
    'subscribing where it is allowed, publishing by another',
    [
      join('b', bob),
      sub('b', 'read/{t}/x', { qos: 1 }),
      join('a', alice),
      pub('a', 'read/{t}/x', 'news', { qos: 1 }),
      got('b', 'read/{t}/x', 'news', { qos: 1 }),
    ],
    ACL,
  ),
  row(
    'subscribing where it is not allowed is refused in SUBACK [MQTT-3.9.3-2] [MQTT3-3.9.3-2]',
    [
      join('b', bob),
      sub('b', 'secret/{t}/x', { qos: 1, granted: DENIED }),
      join('a', alice),
      pub('a', 'secret/{t}/x', 'hidden', { qos: 1 }),
      silence('b'),
    ],
    ACL,
  ),
  row(
    'an exact deny refuses the subscription to that filter',
    [join('a'), sub('a', 'test/nosubscribe', { qos: 2, granted: DENIED })],
    ACL,
  ),
  row(
    'a filter wider than what is allowed is refused',
    [
      join('b', bob),
      sub('b', 'secret/#', { granted: DENIED }),
      sub('b', '#', { granted: DENIED }),
      sub('b', '+/{t}/x', { granted: DENIED }),
    ],
    ACL,
  ),
  row(
    'a shared subscription needs the right to its filter',
    [
      join('b', bob),
      sub('b', '$share/g/secret/{t}/x', { granted: DENIED }),
      join('a', alice),
      pub('a', 'secret/{t}/x', 'hidden', { qos: 1 }),
      silence('b'),
    ],
    ACL,
  ),
  row(
    '%c allows a client its own topics only',
    [
      join('a'),
      sub('a', 'clients/{id}a/#', { qos: 1 }),
      sub('a', 'clients/{id}b/#', { qos: 1, granted: DENIED }),
      pub('a', 'clients/{id}a/x', 'mine', { qos: 1 }),
      got('a', 'clients/{id}a/x', 'mine', { qos: 1 }),
    ],
    ACL,
  ),
  row(
    '%u allows a user his own topics only',
    [
      join('a', alice),
      sub('a', 'users/alice/{t}', { qos: 1 }),
      sub('a', 'users/bob/{t}', { qos: 1, granted: DENIED }),
      join('b', bob),
      sub('b', 'users/bob/{t}', { qos: 1 }),
      pub('b', 'users/bob/{t}', 'mine', { qos: 1 }),
      got('b', 'users/bob/{t}', 'mine', { qos: 1 }),
      silence('a'),
    ],
    ACL,
  ),
  row(
    'a client id with a wildcard gets no rights by %c',
    [
      join('a', { clientId: '{id}/+' }),
      sub('a', 'clients/{id}/other', { granted: DENIED }),
      join('b', { clientId: '+' }),
      sub('b', 'clients/{id}a/x', { granted: DENIED }),
    ],
    { profile: 'acl', versions: [5] },
  ),
  row(
    'what may not be received is left out of a wildcard, at delivery (CVE-2018-12546)',
    [
      join('b'),
      sub('b', 'mixed/{t}/+', { qos: 1 }),
      join('a', alice),
      pub('a', 'mixed/{t}/hidden', 'hidden', { qos: 1 }),
      pub('a', 'mixed/{t}/shown', 'shown', { qos: 1 }),
      got('b', 'mixed/{t}/shown', 'shown', { qos: 1 }),
      silence('b'),
    ],
    ACL,
  ),
  row(
    'what may not be received is left out of retained messages (CVE-2018-12546)',
    [
      join('a', alice),
      pub('a', 'mixed/{t}/hidden', 'hidden', { qos: 1, retain: true }),
      pub('a', 'mixed/{t}/shown', 'shown', { qos: 1, retain: true }),
      join('b'),
      sub('b', 'mixed/{t}/+', { qos: 1 }),
      got('b', 'mixed/{t}/shown', 'shown', { qos: 1, retain: true }),
      silence('b'),
    ],
    ACL,
  ),
  row(
    'a will is published only where its client may publish',
    [
      join('w', alice),
      sub('w', 'read/{t}/will', { qos: 1 }),
      sub('w', 'open/{t}/will', { qos: 1 }),
      join('c', { ...bob, will: { topic: 'open/{t}/will', payload: 'allowed', qos: 1, retain: false } }),
      drop('c'),
      got('w', 'open/{t}/will', 'allowed', { qos: 1 }),
      send('b', {
        cmd: 'connect',
        clientId: '{id}b',
        clean: true,
        keepalive: 0,
        ...bob,
        will: { topic: 'read/{t}/will', payload: 'forbidden', qos: 1, retain: false },
      }),
      expect('b', { cmd: 'connack', code: oneOf(0, 5, 0x87) }),
      drop('b'),
      silence('w', 300),
    ],
    ACL,
  ),
]
