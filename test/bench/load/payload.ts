/**
 * What every payload of the generator starts with: bytes 0–7 the scheduled send time (µs on the generator's clock),
 * 8–11 the publisher, 12–15 its sequence number from 0; all big-endian. Knows nothing of MQTT.
 */

export const PAYLOAD_MIN_BYTES = 16
const WORD = 0x1_0000_0000

export const writeStamp = (buffer: Uint8Array, at: number, timeUs: number, publisher: number, seq: number): void => {
  writeWord(buffer, at, Math.floor(timeUs / WORD))
  writeWord(buffer, at + 4, timeUs % WORD)
  writeWord(buffer, at + 8, publisher)
  writeWord(buffer, at + 12, seq)
}

/** Scheduled send time in microseconds of the payload that starts at `at`. */
export const readTimeUs = (buffer: Uint8Array, at: number): number =>
  readWord(buffer, at) * WORD + readWord(buffer, at + 4)
export const readPublisher = (buffer: Uint8Array, at: number): number => readWord(buffer, at + 8)
export const readSeq = (buffer: Uint8Array, at: number): number => readWord(buffer, at + 12)

const writeWord = (buffer: Uint8Array, at: number, word: number): void => {
  buffer[at] = word >>> 24
  buffer[at + 1] = word >>> 16
  buffer[at + 2] = word >>> 8
  buffer[at + 3] = word
}

const readWord = (buffer: Uint8Array, at: number): number =>
  ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
