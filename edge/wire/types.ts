/** Control packet types by name [MQTT5 2.1.2], beside the acknowledgements in `packets.ts`. */
export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const SUBSCRIBE = 8
export const SUBACK = 9
export const UNSUBSCRIBE = 10
export const UNSUBACK = 11
export const PINGREQ = 12
export const PINGRESP = 13
export const DISCONNECT = 14
export const AUTH = 15

const NAMES =
  'Reserved CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH'.split(
    ' ',
  )

/** `type` is 0 to 15. */
export const packetName = (type: number): string => NAMES[type] ?? `packet type ${type}`
