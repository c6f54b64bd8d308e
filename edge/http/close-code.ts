/** The WebSocket close codes this gateway sends [RFC 6455, 7.4.1]. Owns only the numbers. */
export const CLOSE = { normal: 1000, notBinary: 1003, tooBig: 1009, tryLater: 1013 } as const
