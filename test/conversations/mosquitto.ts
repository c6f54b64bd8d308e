/** Rows that Mosquitto 2.0 answers otherwise, and what it does instead; left out when the rows themselves are checked against it. */

interface Difference {
  /** Matches the names of the rows. */
  readonly rows: RegExp
  readonly does: string
}

const DIFFERENCES: readonly Difference[] = [
  {
    rows: /^keep alive: silence|^a keep-alive timeout|^half a packet and then/,
    does: 'looks at keep alives every 5 s',
  },
  { rows: /^PUBREL of an unknown|unknown packet id gets PUBCOMP|^PUBREC nobody waits/, does: 'answers 0x00' },
  {
    rows: /^filter '.*' is refused|^shared filter|^a bad filter among/,
    does: 'closes the connection, or takes the filter',
  },
  { rows: /^overlapping subscriptions/, does: 'one copy per subscription, or the first QoS found' },
  { rows: /^a shared subscription gets no retained/, does: 'sends retained messages to shared subscriptions' },
  { rows: /^a message that a lost member/, does: 'does not dispatch again' },
  { rows: /^a clean start forgets/, does: 'delivers a QoS 2 message at PUBREL' },
  { rows: /^a second CONNECT publishes the will/, does: 'drops the will' },
  { rows: /with flags \d{4} is malformed/, does: 'ignores reserved flags' },
  { rows: /from a client is a protocol error/, does: 'ignores packets of servers' },
  { rows: /^a PINGREQ with a body|^a 3.1.1 PUBACK with more/, does: 'ignores the rest of the packet' },
  { rows: /^PUBLISH with QoS 0 and DUP 1/, does: 'ignores DUP' },
  { rows: /^\$p2p/, does: 'knows no $p2p' },
  { rows: /^the bridge bit/, does: 'has a bridge protocol of its own' },
  { rows: /^subscribing to what is not allowed/, does: 'closes the connection' },
  { rows: /within the connect timeout|^half a CONNECT/, does: 'has no connect timeout' },
  { rows: /^a CONNECT beyond the limit|^a client id that is too long/, does: 'has no such limit' },
  { rows: /too many levels|^a topic that is too long|than allowed are refused/, does: 'has no such limit' },
  { rows: /^the queue of an absent session|^a retained payload beyond/, does: 'has no such limit' },
  {
    rows: /^Authentication Data without|^Payload Format Indicator 2|^a Response Topic with a wildcard/,
    does: 'takes it',
  },
  { rows: /^a remaining length that is longer|^a reason code that is none of/, does: 'takes it' },
  { rows: /^No Local on a shared|^what is refused in SUBACK|^answers fit a small/, does: 'grants, or closes' },
  { rows: /^the keep alive of the client stays/, does: 'looks at keep alives every 5 s' },
  { rows: /^PUBACK and PUBREC say 0x10/, does: 'says so in PUBACK only' },
  { rows: /^the server uses topic aliases|^the server names the topic of every QoS 2/, does: 'sends none' },
  { rows: /^not more than the client|^a Receive Maximum smaller/, does: 'sends more than Receive Maximum' },
  { rows: /^a message too large takes no place/, does: 'lets it take a place' },
  { rows: /^subscribing again replaces the options/, does: 'keeps No Local' },
  { rows: /^one copy carries|^identifiers come with messages that waited/, does: 'sends a copy per subscription' },
  { rows: /^a clean start within the delay|^a session that ends with its connection/, does: 'waits for the delay' },
  { rows: /^a takeover with clean start/, does: 'drops a delayed will' },
  { rows: /^DISCONNECT with an error/, does: 'drops the will' },
  { rows: /^the server’s DISCONNECT|^with Request Problem Information 0/, does: 'closes without DISCONNECT, or with' },
  { rows: /^CONNACK tells|^a longer session expiry|^a session expiry at DISCONNECT/, does: 'has no such setting' },
  { rows: /^more than Receive Maximum unreleased/, does: 'answers 0x97 in PUBREC' },
  { rows: /^a topic alias above/, does: 'allows 10' },
  {
    rows: /^a wildcard subscription|^a shared subscription: |^a subscription identifier: /,
    does: 'has no such setting',
  },
  { rows: /^a payload that is not what its format says: |^Response Information if/, does: 'has no such setting' },
  { rows: /^an exact deny|^a filter wider|^a shared subscription needs/, does: 'grants, and does not deliver' },
  { rows: /^subscribing where it is not allowed|^%[cu] allows|rights by %c/, does: 'grants, and does not deliver' },
]

/** What Mosquitto does instead; undefined if it is expected to pass the row. */
export const mosquittoDoes = (row: string): string | undefined => DIFFERENCES.find(d => d.rows.test(row))?.does
