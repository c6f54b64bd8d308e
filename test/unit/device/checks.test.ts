/** What may be published and subscribed to. */
import { describe, expect, test } from 'vitest'
import { checkMessage, checkPayload, checkSubscription } from '../../../device/checks.ts'
import type { MessageProperties, QoS } from '../../../device/message.ts'

describe('messages', () => {
  test.each(['a', 'a//b', '/', 'ü', '$x', 'x'.repeat(65_535)])('topic %s', topic => {
    expect(() => checkMessage(topic, 1, {})).not.toThrow()
  })
  test.each(['', 'a/+', '#', 'a\0', 'x'.repeat(65_536), 'ü'.repeat(40_000)])('not topic %s', topic => {
    expect(() => checkMessage(topic, 1, {})).toThrow('is empty or too long, or has a wildcard or NUL in it')
  })
  test('QoS', () => expect(() => checkMessage('a', 3 as QoS, {})).toThrow('QoS 3 is none of 0, 1 and 2'))
  test.each([
    { messageExpiryInterval: 0 },
    { messageExpiryInterval: 1.5 },
    { responseTopic: 'a/#' },
    { correlationData: 'text' },
    { userProperties: { a: 1 } },
    { userProperties: { a: ['b', undefined] } },
    { contentType: '\0' },
    { payloadFormatIndicator: 1 },
    { topicAlias: 1 },
    { subscriptionIdentifier: 1 },
  ])('not %j', properties => {
    expect(() => checkMessage('a', 1, properties as MessageProperties)).toThrow(/^Property '/)
  })
})

describe('subscriptions', () => {
  test.each(['a', '#', '+', 'a/#', '+/b/+', '/', '$share/g/a/+'])('filter %s', filter => {
    expect(() => checkSubscription(filter, {})).not.toThrow()
  })
  test.each(['', 'a#', '#/a', 'a+', '+a/b', 'a/#/b', '##', '++', 'a\0'])('not filter %s', filter => {
    expect(() => checkSubscription(filter, {})).toThrow(/^Topic filter '/)
  })
  test.each([{ qos: 3 as QoS }, { retainHandling: 3 as 2 }, { subscriptionIdentifier: 0 }])('not %j', options => {
    expect(() => checkSubscription('a', options)).toThrow()
  })
  test('No Local is not for shared ones [MQTT-3.8.3-4]', () => {
    expect(() => checkSubscription('$share/g/a', { noLocal: true })).toThrow('No Local is not for it')
    expect(() => checkSubscription('$share/g/a', { noLocal: false })).not.toThrow()
  })
})

test.each([undefined, null, 5, { a: 1 }, [1], new ArrayBuffer(2)])('payload %j', payload => {
  expect(() => checkPayload(payload)).toThrow('The payload is neither a string nor a Uint8Array')
})
