/** What RocketMQ, or the way to it, answered instead of doing what was asked. */

/** Asked again with the same words, the answer would be the same. Topics and groups are not among them: they can be created. */
const PERMANENT = new Set([
  'MESSAGE_BODY_TOO_LARGE',
  'MESSAGE_BODY_EMPTY',
  'MESSAGE_PROPERTIES_TOO_LARGE',
  'PAYLOAD_TOO_LARGE',
  'REQUEST_HEADER_FIELDS_TOO_LARGE',
  'BAD_REQUEST',
  'INVALID_ARGUMENT',
  'ILLEGAL_TOPIC',
  'ILLEGAL_LITE_TOPIC',
  'ILLEGAL_MESSAGE_KEY',
  'ILLEGAL_MESSAGE_TAG',
  'ILLEGAL_MESSAGE_GROUP',
  'ILLEGAL_MESSAGE_PROPERTY_KEY',
  'ILLEGAL_CONSUMER_GROUP',
  'MESSAGE_PROPERTY_CONFLICT_WITH_TYPE',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'UNIMPLEMENTED',
])

export class RocketmqError extends Error {
  override readonly name = 'RocketmqError'
  /** RocketMQ's own name (`TOPIC_NOT_FOUND`), or gRPC's (`UNAVAILABLE`, `DEADLINE_EXCEEDED`). */
  readonly code: string
  /** Trying again is useless. */
  readonly permanent: boolean

  constructor(endpoint: string, code: string, detail: string) {
    // What follows the first line is advice to people.
    const said = detail.split('\n', 1)[0]!.replace(/\.? Resolution note: $/, '')
    super(`RocketMQ at ${endpoint} answers ${code}: ${said}`)
    this.code = code
    this.permanent = PERMANENT.has(code)
  }
}
