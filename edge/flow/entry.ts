/** One copy of a QoS ≥ 1 message on its way to one session. */
import type { Message } from '../../core/contract/message.ts'
import type { ShareGroup } from '../route/share.ts'
import type { Target } from '../route/target.ts'

/** Where the copy is kept should this edge die. */
export const Source = {
  /** In the log; the core waits for `delivered`. */
  Live: 0,
  /** In the session's inbox. */
  Inbox: 1,
  /** A retained message read for a subscription: nowhere until saved. */
  Retained: 2,
  /** In the session record. */
  Saved: 3,
} as const
export type Source = (typeof Source)[keyof typeof Source]

export const State = {
  /** Waits for room in the window. */
  Queued: 0,
  /** Its packet id is being journaled (QoS 2 of a persistent session), or that of a message before it: nothing is sent yet. */
  Journaling: 1,
  /** PUBLISH is out. */
  Sent: 2,
  /** PUBREC came and is being journaled; PUBREL is not out yet. */
  Recording: 3,
  /** PUBREL is out. */
  Received: 4,
} as const
export type State = (typeof State)[keyof typeof State]

const ENTRY_BYTES = 200

export class Entry {
  /** Absent if only the packet id is left of it (restored after PUBREC). */
  readonly message: Message | undefined
  readonly target: Target
  readonly qos: 1 | 2
  readonly retain: boolean
  /** The shared group whose copy this is. */
  readonly group: ShareGroup | undefined
  source: Source
  state: State = State.Queued
  packetId = 0
  /** Sent before on an earlier connection: DUP is set [MQTT-3.3.1-1]. */
  dup = false
  /** The core waits for this copy: it is counted in `Message.pending`. */
  held = false
  /** In `Session.behind`: it goes out when so many QoS 2 messages of the session were journaled. */
  after = 0
  /** When it came to this session. Milliseconds. */
  readonly at: number

  constructor(
    message: Message | undefined,
    target: Target,
    qos: 1 | 2,
    retain: boolean,
    group: ShareGroup | undefined,
    source: Source,
    at: number,
  ) {
    this.message = message
    this.target = target
    this.qos = qos
    this.retain = retain
    this.group = group
    this.source = source
    this.at = at
  }

  /** What it costs while it waits, roughly. */
  get bytes(): number {
    const m = this.message
    return ENTRY_BYTES + (m === undefined ? 0 : m.payload.length + m.props.length + m.topic.length)
  }
}
