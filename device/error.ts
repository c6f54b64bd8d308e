/** The one error class of the SDK: what went wrong as a word a program can read. */

export type DeviceErrorCode =
  /** An option, topic or filter is not what it must be. */
  | 'invalid'
  /** The outbox has no room; publish again after an `acknowledged`. */
  | 'outbox-full'
  /** The message alone is more than `limits.outboxMaxBytes`: publishing again does not help. */
  | 'too-large'
  /** QoS 0 without a connection. */
  | 'offline'
  /** The broker said no, with `reasonCode`; publishing again does not help. */
  | 'refused'
  /** The message waited longer than its Message Expiry Interval. */
  | 'expired'
  /** The outbox's file or database failed: the message is not kept. */
  | 'storage-failed'
  /** `close` was called. What was not acknowledged is in the storage, if there is one. */
  | 'closed'

export class DeviceError extends Error {
  readonly code: DeviceErrorCode
  /** MQTT reason code, for 'refused'. */
  readonly reasonCode: number | undefined

  constructor(code: DeviceErrorCode, message: string, reasonCode?: number) {
    super(message)
    this.name = 'DeviceError'
    this.code = code
    this.reasonCode = reasonCode
  }
}
