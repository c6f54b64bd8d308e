/** The one error the readers of this folder raise: the bytes break the protocol. Never leaves `edge/wire` but through `readProps`. */
import { Reason } from './reason.ts'

/** `reason` is the MQTT 5 reason code [MQTT5 4.13], `message` is for the log. */
export class Malformed extends Error {
  readonly reason: number

  constructor(reason: number, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** The bytes cannot be parsed: 0x81 [MQTT5 4.13.1]. */
export function malformed(detail: string): never {
  throw new Malformed(Reason.MalformedPacket, detail)
}

/** The bytes parse, but say what is not allowed (here): 0x82 [MQTT5 4.13.1]. */
export function protocolError(detail: string): never {
  throw new Malformed(Reason.ProtocolError, detail)
}
