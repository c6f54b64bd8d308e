/** The records of one turn as bytes: accepted messages and steps of sessions, in order. Owns the layout; decides nothing. */
import { ByteReader, ByteWriter, readMessage, writeMessage } from '../contract/codec.ts'
import type { ClientKey, TopicFilter } from '../contract/ids.ts'
import type { Step } from '../contract/link.ts'
import { type Message, messageKey } from '../contract/message.ts'

/**
 *     version (1)  record*
 *     record = kind | flags, then by kind
 *       message: see `writeMessage`
 *       step:    client, packet id or group, [identity of a message | the message]
 *       had:     client, 0, identity of a message: this client has had it at the site that it came from
 *
 * `SAME`: the origin is that of the record before. `HAS`: an identity follows. `FULL`: the message follows whole.
 */
const VERSION = 1
const MESSAGE = 1
const OUT = 2
const REC = 3
const DONE = 4
const REL = 5
const TAKEN = 6
const HAD = 7
const KIND = 7
const SAME = 8
const HAS = 16
const FULL = 32
const KEEP_BYTES = 1 << 20

/** A step as it comes back: messages by identity (`messageKey`), or whole where they are nowhere else. */
export type StoredStep =
  | { readonly step: 'out'; readonly packetId: number; readonly key: string; readonly message: Message | undefined }
  | { readonly step: 'rec' | 'rel'; readonly packetId: number }
  | { readonly step: 'done'; readonly packetId: number; readonly key: string | undefined }
  | { readonly step: 'taken'; readonly group: TopicFilter; readonly key: string }
  | { readonly step: 'had'; readonly key: string }

export class EnvelopeWriter {
  /** Records since the last `take`. */
  records = 0
  #w = new ByteWriter(64 * 1024)
  #spare: ByteWriter | undefined = undefined
  #origin = ''

  message(m: Message): void {
    this.#begin(MESSAGE)
    writeMessage(this.#w, m, this.#origin)
    this.#origin = m.origin
  }

  /** `whole`: an `out` step whose message is neither in the log nor in the inbox. */
  step(client: ClientKey, step: Step, whole: boolean): void {
    switch (step.step) {
      case 'out':
        if (whole) {
          this.#begin(OUT | FULL)
          this.#w.text(client)
          this.#w.varint(step.packetId)
          writeMessage(this.#w, step.message, this.#origin)
          this.#origin = step.message.origin
          return
        }
        this.#identified(OUT, client, step.packetId, step.message)
        return
      case 'done':
        if (step.message !== undefined) return this.#identified(DONE, client, step.packetId, step.message)
        return this.#plain(DONE, client, step.packetId)
      case 'rec':
        return this.#plain(REC, client, step.packetId)
      case 'rel':
        return this.#plain(REL, client, step.packetId)
      case 'taken': {
        const same = this.#begin(TAKEN | HAS | (step.message.origin === this.#origin ? SAME : 0))
        this.#w.text(client)
        this.#w.text(step.group)
        this.#identity(step.message, same)
      }
    }
  }

  /** The client has had the message at the site that it came from. */
  had(client: ClientKey, message: Message): void {
    this.#identified(HAD, client, 0, message)
  }

  /** The envelope. Its bytes stay as they are until `recycle` gives them back. */
  take(): ByteWriter {
    const taken = this.#w
    this.#w = this.#spare ?? new ByteWriter(64 * 1024)
    this.#spare = undefined
    this.records = 0
    this.#origin = ''
    return taken
  }

  recycle(taken: ByteWriter): void {
    if (taken.bytes.length > KEEP_BYTES) return
    taken.clear()
    this.#spare = taken
  }

  #begin(kind: number): boolean {
    if (this.records++ === 0) this.#w.u8(VERSION)
    this.#w.u8(kind)
    return (kind & SAME) !== 0
  }

  #plain(kind: number, client: ClientKey, packetId: number): void {
    this.#begin(kind)
    this.#w.text(client)
    this.#w.varint(packetId)
  }

  #identified(kind: number, client: ClientKey, packetId: number, message: Message): void {
    const same = this.#begin(kind | HAS | (message.origin === this.#origin ? SAME : 0))
    this.#w.text(client)
    this.#w.varint(packetId)
    this.#identity(message, same)
  }

  #identity(message: Message, same: boolean): void {
    if (!same) this.#w.text(message.origin)
    this.#origin = message.origin
    this.#w.varint(message.seq)
  }
}

export interface RecordVisitor {
  message(position: number, message: Message): void
  step(position: number, client: ClientKey, step: StoredStep): void
}

/** Reads an envelope record by record. Throws RangeError if it is damaged. */
export function readEnvelope(position: number, bytes: Uint8Array, visit: RecordVisitor): void {
  const r = new ByteReader(bytes)
  const version = r.u8()
  if (version !== VERSION) throw new RangeError(`Envelope at ${position} has version ${version}`)
  let origin = ''
  const identity = (same: boolean): string => {
    if (!same) origin = r.text()
    return `${origin}/${r.varint()}`
  }
  for (let at = position; !r.done; at++) {
    const head = r.u8()
    const kind = head & KIND
    const same = (head & SAME) !== 0
    if (kind === MESSAGE) {
      const message = readMessage(r, origin)
      origin = message.origin
      visit.message(at, message)
      continue
    }
    const client = r.text() as ClientKey
    if (kind === TAKEN) {
      const group = r.text() as TopicFilter
      visit.step(at, client, { step: 'taken', group, key: identity(same) })
      continue
    }
    const packetId = r.varint()
    if (kind === OUT) {
      let message: Message | undefined
      if ((head & FULL) !== 0) {
        message = readMessage(r, origin)
        origin = message.origin
      }
      visit.step(at, client, {
        step: 'out',
        packetId,
        message,
        key: message === undefined ? identity(same) : messageKey(message),
      })
    } else if (kind === DONE)
      visit.step(at, client, { step: 'done', packetId, key: (head & HAS) === 0 ? undefined : identity(same) })
    else if (kind === HAD) visit.step(at, client, { step: 'had', key: identity(same) })
    else if (kind === REC) visit.step(at, client, { step: 'rec', packetId })
    else if (kind === REL) visit.step(at, client, { step: 'rel', packetId })
    else throw new RangeError(`Envelope at ${position} holds a record of unknown kind ${kind}`)
  }
}
