/** What a device tells its application, and the list of who listens. A listener that throws does not stop the others. */
import type { MessageProperties, QoS } from './message.ts'

export interface Incoming {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  /** The broker delivers it once more, or for the first time after a loss; the message ids tell. */
  readonly dup: boolean
  readonly properties: MessageProperties
  /** The payload as UTF-8. */
  text(): string
}

export type WarningCode =
  | 'discovery-failed'
  | 'discovery-document'
  | 'endpoint-skipped'
  | 'unreachable'
  | 'connection-refused'
  | 'reference-refused'
  | 'reference-loop'
  | 'session-taken-over'
  | 'message-lost'
  | 'subscription-failed'
  | 'storage-failed'
  | 'listener-failed'

export interface Warning {
  readonly code: WarningCode
  readonly message: string
}

export type MoveReason = 'start' | 'lost' | 'refused' | 'reference' | 'better'

export interface DeviceEvents {
  /** CONNACK came. `tookMs`: since the connection before was lost or left, or since the start. */
  online: { readonly region: string; readonly url: string; readonly sessionPresent: boolean; readonly tookMs: number }
  offline: { readonly region: string; readonly reason: string }
  /** The device is in another region than before; after its `online`. */
  region: { readonly from: string | undefined; readonly to: string; readonly because: MoveReason }
  message: Incoming
  /** A message with QoS 1 or 2 was acknowledged by a broker; also one of an earlier run of the process. */
  acknowledged: { readonly topic: string; readonly id: string | undefined }
  /** `publish` was refused because the outbox is full. */
  'outbox-full': { readonly messages: number; readonly bytes: number }
  warning: Warning
}

export type Listener<Name extends keyof DeviceEvents> = (event: DeviceEvents[Name]) => void

type Listeners = { [Name in keyof DeviceEvents]: Set<Listener<Name>> }

export class Events {
  readonly #listeners: Listeners = {
    online: new Set(),
    offline: new Set(),
    region: new Set(),
    message: new Set(),
    acknowledged: new Set(),
    'outbox-full': new Set(),
    warning: new Set(),
  }

  /** Returns what ends the listening. */
  on<Name extends keyof DeviceEvents>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners[name]
    if (listeners === undefined) throw new Error(`Event '${String(name)}' is not known`)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof DeviceEvents>(name: Name, event: DeviceEvents[Name]): void {
    for (const listener of [...this.#listeners[name]]) {
      try {
        listener(event)
      } catch (error) {
        if (name !== 'warning') this.warn('listener-failed', `A listener of '${name}' threw: ${String(error)}`)
      }
    }
  }

  warn(code: WarningCode, message: string): void {
    this.emit('warning', { code, message })
  }
}
