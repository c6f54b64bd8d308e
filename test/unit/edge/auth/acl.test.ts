/** ACL: the file's grammar, who may do what, and that names cannot widen rights. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matches } from '../../../../core/topic/validate.ts'
import { Acl, EVERYTHING, parseAcl } from '../../../../edge/auth/acl.ts'
import type { Action } from '../../../../edge/auth/ports.ts'
import { identity } from './samples.ts'

const acl = (...lines: string[]) => new Acl(parseAcl(lines.join('\n')))
const device = identity('press-7', 'alice')

describe('who', () => {
  const rights = acl(
    'allow user alice publish a',
    'allow client press-7 publish c',
    'allow anonymous publish n',
    'allow * publish e',
  )
  test.each<[string, ReturnType<typeof identity>, string[]]>([
    ['a user on any client', identity('other', 'alice'), ['a', 'e']],
    ['a client of any user', identity('press-7', 'bob'), ['c', 'e']],
    ['nobody known', identity('x'), ['n', 'e']],
    ['a client id is no user name', identity('alice'), ['n', 'e']],
  ])('%s', (_, who, granted) => {
    expect(['a', 'c', 'n', 'e'].filter(topic => rights.allows(who, 'publish', topic))).toEqual(granted)
  })

  test('names with spaces stand in quotes', () => {
    const quoted = acl('allow user "line boss" all factory/a room/#')
    expect(quoted.allows(identity('c', 'line boss'), 'publish', 'factory/a room/1')).toBe(true)
  })
})

describe('order', () => {
  test('the first line that fits decides, whoever it names', () => {
    const rights = acl('deny * publish a/secret', 'allow user alice publish a/#', 'deny user alice publish a/b')
    expect(rights.allows(device, 'publish', 'a/secret')).toBe(false)
    expect(rights.allows(device, 'publish', 'a/b')).toBe(true)
  })

  test('what no line fits is denied, or what default says', () => {
    expect(acl('allow * publish a').allows(device, 'publish', 'b')).toBe(false)
    expect(acl('default allow', 'deny * publish a').allows(device, 'publish', 'b')).toBe(true)
    expect(acl('').allows(device, 'receive', 'b')).toBe(false)
  })
})

describe('placeholders', () => {
  const own = acl('allow * all devices/%c/#', 'allow * all users/%u/+')
  test('stand for client id and user name', () => {
    expect(own.allows(device, 'publish', 'devices/press-7/state')).toBe(true)
    expect(own.allows(device, 'subscribe', 'users/alice/+')).toBe(true)
    expect(own.allows(device, 'publish', 'devices/press-8/state')).toBe(false)
    expect(own.allows(identity('c'), 'publish', 'users//x')).toBe(false)
  })

  test.each(['#', '+', 'a/b', 'x/#', ''])("the client id '%s' cannot widen its rights", id => {
    for (const action of ['publish', 'subscribe', 'receive'] as Action[]) {
      expect(own.allows(identity(id, id), action, `devices/${id}/x`)).toBe(false)
      expect(own.allows(identity(id, id), action, 'devices/press-7/x')).toBe(false)
    }
  })

  test('a name with $ cannot become a system topic', () => {
    const first = acl('allow * all %c/#')
    expect(first.allows(identity('$SYS'), 'subscribe', '$SYS/#')).toBe(false)
    expect(first.allows(identity('me'), 'subscribe', 'me/#')).toBe(true)
  })

  test('a name that looks like a placeholder stays a name', () => {
    expect(own.allows(identity('%u', 'alice'), 'publish', 'devices/alice/x')).toBe(false)
    expect(own.allows(identity('$&', 'alice'), 'publish', 'devices/$&/x')).toBe(true)
  })
})

describe('subscribe', () => {
  test.each<[string, string, boolean]>([
    ['a/+', 'a/b', true],
    ['a/+', 'a/+', true],
    ['a/+', 'a/#', false],
    ['a/#', 'a/+/c', true],
    ['a/#', 'a', true],
    ['a/b', 'a/+', false],
    ['#', '$SYS/#', false],
    ['$SYS/#', '$SYS/broker/+', true],
  ])('the right to %s, asked for %s: %s', (pattern, filter, granted) => {
    expect(acl(`allow * subscribe ${pattern}`).allows(device, 'subscribe', filter)).toBe(granted)
  })

  test('an exact deny refuses that very filter; a wider one is granted and the deny works at delivery', () => {
    const rights = acl('deny * subscribe test/nosubscribe', 'default allow')
    expect(rights.allows(device, 'subscribe', 'test/nosubscribe')).toBe(false)
    expect(rights.allows(device, 'subscribe', 'test/#')).toBe(true)
    expect(rights.allows(device, 'receive', 'test/nosubscribe')).toBe(false)
    expect(rights.allows(device, 'receive', 'test/other')).toBe(true)
    expect(rights.allows(device, 'publish', 'test/nosubscribe')).toBe(true)
  })

  test('the right to subscribe brings the right to receive; a deny of receive does not hinder subscribing', () => {
    const rights = acl('deny * receive a/b', 'allow * subscribe a/#')
    expect(rights.allows(device, 'subscribe', 'a/b')).toBe(true)
    expect(rights.allows(device, 'receive', 'a/b')).toBe(false)
    expect(rights.allows(device, 'receive', 'a/c')).toBe(true)
    expect(acl('allow * receive a/#').allows(device, 'subscribe', 'a/b')).toBe(false)
  })

  test('whatever a granted filter matches outside denied topics may be received', () => {
    const level = fc.constantFrom('a', 'b', '+')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([l, all]) => [...l, ...(all ? ['#'] : [])].join('/'))
    const topic = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }).map(l => l.join('/'))
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 4 }), filter, topic, (patterns, asked, name) => {
        const rights = acl(...patterns.map(pattern => `allow * subscribe ${pattern}`))
        fc.pre(matches(asked, name))
        return !rights.allows(device, 'subscribe', asked) || rights.allows(device, 'receive', name)
      }),
    )
  })
})

describe('unrestricted', () => {
  test('only if nothing can be refused', () => {
    const all = (rights: Acl) =>
      (['publish', 'subscribe', 'receive'] as Action[]).map(action => rights.unrestricted(action))
    expect(all(acl('default allow'))).toEqual([true, true, true])
    expect(all(acl('default allow', 'deny * publish a'))).toEqual([false, true, true])
    expect(all(acl('default allow', 'deny * subscribe a'))).toEqual([true, false, false])
    expect(all(acl('default allow', 'deny * receive a'))).toEqual([true, true, false])
    expect(all(acl('allow * all #'))).toEqual([false, false, false])
    expect(EVERYTHING.unrestricted('publish')).toBe(true)
  })
})

test('decisions are remembered within a bound and stay right', () => {
  const rights = acl('deny * publish n/7', 'allow * publish n/+')
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 1_000; i++) expect(rights.allows(device, 'publish', `n/${i}`)).toBe(i !== 7)
  }
})

describe('errors name the line', () => {
  test.each<[string, string]>([
    ['permit * all #', "Line 2 has 'permit' where 'allow' or 'deny' must stand"],
    ['allow everybody all #', "Line 2 is for 'everybody'; allowed: *, anonymous, user NAME, client ID"],
    ['allow * read #', "Line 2 has the action 'read'; allowed: publish, subscribe, receive, all"],
    ['allow * all', 'Line 2 has no topic pattern'],
    ['allow * all a/#/b', "Line 2: Topic filter 'a/#/b' has '#' before its last level"],
    ['allow * subscribe $share/g/a', 'Line 2 speaks of a shared subscription'],
    ['allow user', "Line 2 must go on with the name of a user, not ''"],
    ['default maybe', "Line 2 has 'maybe' where 'allow' or 'deny' must stand"],
    ['default allow all', "Line 2 has 'all' after the default"],
  ])('%s', (line, text) => {
    expect(() => parseAcl(`# rights\n${line}\n`)).toThrow(text)
  })

  test('a second default', () => {
    expect(() => parseAcl('default allow\r\ndefault deny\r\n')).toThrow("Line 2 is a second 'default'")
  })
})
