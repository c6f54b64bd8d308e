/** The grammar of topics, statement by statement. */
import { describe, expect, test } from 'vitest'
import { checkTopicFilter, checkTopicName, hasWildcard, parseP2p, parseShare } from '../../../../core/topic/validate.ts'

const limits = { maxTopicBytes: 4096, maxTopicLevels: 128 }
const name = (topic: string) => checkTopicName(topic, limits)
const filter = (text: string) => checkTopicFilter(text, limits)

describe('topic names', () => {
  test('have at least one character [MQTT-4.7.3-1]', () => {
    expect(name('')).toBe('Topic name is empty')
  })
  test('have no wildcards [MQTT-3.3.2-2]', () => {
    expect(name('a/+')).toBe("Topic name 'a/+' has the wildcard '+'")
    expect(name('a/b#')).toBe("Topic name 'a/b#' has the wildcard '#'")
  })
  test('may be spaces, slashes, $ and any other character [MQTT-4.7.3-2 is the decoder’s]', () => {
    for (const topic of ['/', '//', ' ', '$SYS/a', 'ä/ö/€/😀', 'a/$b', '\ufeffa', '\u0001']) {
      expect(name(topic)).toBeUndefined()
    }
  })
  test('are bounded in levels', () => {
    expect(name(Array(128).fill('a').join('/'))).toBeUndefined()
    expect(name('/'.repeat(127))).toBeUndefined()
    expect(name('/'.repeat(128))).toMatch(/^Topic name '\/+…' has 129 levels, 128 are allowed$/)
  })
  test('are bounded in bytes of UTF-8, not in characters', () => {
    const tight = { maxTopicBytes: 8, maxTopicLevels: 128 }
    expect(checkTopicName('12345678', tight)).toBeUndefined()
    expect(checkTopicName('123456789', tight)).toBe("Topic name '123456789' has 9 bytes, 8 are allowed")
    expect(checkTopicName('ääää', tight)).toBeUndefined()
    expect(checkTopicName('€€1', tight)).toBeUndefined()
    expect(checkTopicName('€€€', tight)).toMatch(/has 9 bytes/)
    expect(checkTopicName('😀😀', tight)).toBeUndefined()
    expect(checkTopicName('😀😀1', tight)).toMatch(/has 9 bytes/)
  })
  test('a long topic is cut in the error text', () => {
    expect(name('x'.repeat(5000))!.length).toBeLessThan(200)
  })
})

describe('topic filters', () => {
  test('have at least one character [MQTT-4.7.3-1]', () => {
    expect(filter('')).toBe('Topic filter is empty')
  })
  test("'#' is alone in its level and last [MQTT-4.7.1-1]", () => {
    expect(filter('a/#/b')).toBe("Topic filter 'a/#/b' has '#' before its last level")
    expect(filter('#/')).toBe("Topic filter '#/' has '#' before its last level")
    expect(filter('a#')).toBe("Topic filter 'a#' has '#' beside other characters")
    expect(filter('a/b#')).toBe("Topic filter 'a/b#' has '#' beside other characters")
    expect(filter('##')).toMatch(/'#' beside/)
    for (const ok of ['#', 'a/#', '/#', '+/#', 'a//#']) expect(filter(ok)).toBeUndefined()
  })
  test("'+' is alone in its level [MQTT-4.7.1-2]", () => {
    expect(filter('a+')).toBe("Topic filter 'a+' has '+' beside other characters")
    expect(filter('+a/b')).toBe("Topic filter '+a/b' has '+' beside other characters")
    expect(filter('a/++/b')).toMatch(/'\+' beside/)
    expect(filter('+#')).toMatch(/beside/)
    for (const ok of ['+', '+/+', '/+', '+/', 'a/+/b']) expect(filter(ok)).toBeUndefined()
  })
  test('are bounded in levels and bytes', () => {
    expect(filter('+/'.repeat(128))).toMatch(/has 129 levels, 128 are allowed/)
    expect(checkTopicFilter('123456789', { maxTopicBytes: 8, maxTopicLevels: 9 })).toMatch(/has 9 bytes, 8 are allowed/)
  })
})

describe('shared filters', () => {
  test('have a share name of at least one character [MQTT-4.8.2-1]', () => {
    expect(filter('$share//a')).toBe("Topic filter '$share//a' has an empty share name")
    expect(filter('$share/')).toBe("Topic filter '$share/' has an empty share name")
  })
  test('have no wildcard in the share name, and a filter behind it [MQTT-4.8.2-2]', () => {
    expect(filter('$share/g+/a')).toBe("Topic filter '$share/g+/a' has a wildcard in its share name")
    expect(filter('$share/#/a')).toBe("Topic filter '$share/#/a' has a wildcard in its share name")
    expect(filter('$share/g')).toBe("Topic filter '$share/g' has nothing after its share name")
    expect(filter('$share/g/')).toBe("Topic filter '$share/g/' has nothing after its share name")
  })
  test('follow the grammar behind the share name', () => {
    expect(filter('$share/g/a/#/b')).toMatch(/'#' before its last level/)
    expect(filter('$share/g/+a')).toMatch(/'\+' beside/)
    for (const ok of ['$share/g/#', '$share/g/+', '$share/g//', '$share/g//a', '$share/ü/$SYS/#']) {
      expect(filter(ok)).toBeUndefined()
    }
  })
  test('count levels without the prefix', () => {
    expect(filter(`$share/g/${Array(128).fill('a').join('/')}`)).toBeUndefined()
  })
  test('come apart into group and filter', () => {
    expect(parseShare('$share/g/a/#')).toEqual({ group: 'g', filter: 'a/#' })
    expect(parseShare('$share/g//')).toEqual({ group: 'g', filter: '/' })
    for (const other of [
      'a/b',
      '$share',
      '$share/',
      '$share/g',
      '$share/g/',
      '$share//a',
      '$share/+/a',
      '$SHARE/g/a',
    ]) {
      expect(parseShare(other)).toBeUndefined()
    }
  })
})

test('a $p2p topic names a client and a topic', () => {
  expect(parseP2p('$p2p/c1/a/b')).toEqual({ clientId: 'c1', topic: 'a/b' })
  expect(parseP2p('$p2p/c1//')).toEqual({ clientId: 'c1', topic: '/' })
  for (const other of ['a/b', '$p2p', '$p2p/', '$p2p/c1', '$p2p/c1/', '$p2p//a', 'p2p/c1/a']) {
    expect(parseP2p(other)).toBeUndefined()
  }
})

test('hasWildcard', () => {
  expect(['a/b', 'a/+', '#', '+/a'].map(hasWildcard)).toEqual([false, true, true, true])
})
