/** The forwardable properties of a message (`Message.props`) as named values, for rules, wills and tests: not for the hot path. */
import { NO_BYTES } from '../../core/contract/message.ts'
import { type Properties, readList, WILL, writeList } from './properties.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

export type MessageProperties = Pick<
  Properties,
  'payloadFormat' | 'contentType' | 'responseTopic' | 'correlationData' | 'userProperties'
>

/** The bytes of `Message.props`: no length prefix. Throws RangeError if a value is longer than 65,535 bytes. */
export function encodeProps(properties: MessageProperties): Uint8Array {
  const { payloadFormat, contentType, responseTopic, correlationData, userProperties } = properties
  const w = new Writer()
  writeList(w, { payloadFormat, contentType, responseTopic, correlationData, userProperties })
  return w.length === 0 ? NO_BYTES : w.view()
}

/** Reads `Message.props` back. Throws `Malformed` if the bytes are not what `encodeProps` or the decoder made. */
export function readProps(props: Uint8Array): MessageProperties {
  const found: Properties = {}
  if (props.length > 0) readList(new Reader(props, 0, props.length, 'Message properties'), WILL, found)
  return found
}
