/** PROXY protocol headers, whole, in pieces and wrong, without sockets. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseProxyHeader } from '../../../../edge/listen/proxy-header.ts'
import { withProxyProtocol } from '../../../../edge/listen/proxy-protocol.ts'
import type { Peer, Transport, TransportEvents } from '../../../../edge/listen/transport.ts'
import { EdgeStats } from '../../../../edge/stats.ts'
import { v2 } from './proxy-bytes.ts'

const text = (line: string): Uint8Array => new TextEncoder().encode(line)
const plain = { certificateName: undefined, secure: false }

describe('PROXY v1', () => {
  test('names the peer and leaves what follows', () => {
    const bytes = text('PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\n\x10\x00')
    const peer = { address: '203.0.113.7', port: 51234, ...plain }
    expect(parseProxyHeader(bytes)).toEqual({ is: 'header', length: bytes.length - 2, peer })
    expect(parseProxyHeader(text('PROXY TCP6 2001:db8::1 ::1 9 1883\r\n'))).toMatchObject({
      peer: { address: '2001:db8::1', port: 9 },
    })
  })

  test('UNKNOWN keeps the real peer', () => {
    const line = 'PROXY UNKNOWN ffff::1 x y z\r\n'
    expect(parseProxyHeader(text(line))).toEqual({ is: 'header', length: line.length, peer: undefined })
  })

  test.each([
    'GET / HTTP/1.1\r\n',
    '\x10\x10\x00\x04MQTT',
    'PROXY TCP4 203.0.113.7 10.0.0.1 51234\r\n',
    'PROXY TCP4 203.0.113.777 10.0.0.1 1 2\r\n',
    'PROXY TCP6 203.0.113.7 10.0.0.1 1 2\r\n',
    'PROXY TCP4 203.0.113.7 10.0.0.1 1 65536\r\n',
    'PROXY TCP4 203.0.113.7 10.0.0.1 1 2\rx',
    'PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n',
    `PROXY ${'x'.repeat(200)}`,
  ])('refuses %j', line => {
    expect(parseProxyHeader(text(line)).is).toBe('bad')
  })
})

describe('PROXY v2', () => {
  const ipv4 = [203, 0, 113, 7, 10, 0, 0, 1, 0xc8, 0x22, 0x07, 0x5b]

  test('names an IPv4, IPv6 or Unix peer', () => {
    expect(parseProxyHeader(v2({ address: ipv4 }))).toEqual({
      is: 'header',
      length: 28,
      peer: { address: '203.0.113.7', port: 51234, ...plain },
    })
    const ipv6 = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, ...Array(16).fill(0), 0, 9, 7, 0x5b]
    expect(parseProxyHeader(v2({ family: 0x21, address: ipv6 }))).toMatchObject({
      peer: { address: '2001:db8::1', port: 9 },
    })
    expect(parseProxyHeader(v2({ family: 0x31, address: Array(216).fill(0) }))).toMatchObject({
      peer: { address: 'unix' },
    })
  })

  test('LOCAL keeps the real peer', () => {
    expect(parseProxyHeader(v2({ command: 0x20, family: 0, address: [] }))).toEqual({
      is: 'header',
      length: 16,
      peer: undefined,
    })
  })

  test('takes the certificate name only if the proxy verified it', () => {
    const name = [0x22, 0, 3, 0x64, 0x65, 0x76]
    const tls = (client: number, verify: number) => [0x20, 0, 5 + name.length, client, 0, 0, 0, verify, ...name]
    const peer = (tlvs: number[]) => {
      const header = parseProxyHeader(v2({ address: ipv4, tlvs }))
      return header.is === 'header' ? header.peer : header
    }
    expect(peer(tls(0x07, 0))).toMatchObject({ certificateName: 'dev', secure: true })
    expect(peer(tls(0x07, 1))).toMatchObject({ certificateName: undefined, secure: true })
    expect(peer(tls(0x01, 0))).toMatchObject({ certificateName: undefined, secure: true })
    expect(peer([0x05, 0, 1, 9, ...tls(0x03, 0)])).toMatchObject({ certificateName: 'dev' })
    expect(peer([0x20, 0, 9, 1])).toMatchObject({ is: 'bad' })
  })

  test('refuses other versions, commands, and headers beyond 536 bytes', () => {
    expect(parseProxyHeader(v2({ command: 0x11, address: ipv4 })).is).toBe('bad')
    expect(parseProxyHeader(v2({ command: 0x22, address: ipv4 })).is).toBe('bad')
    expect(parseProxyHeader(v2({ address: [...ipv4, ...Array(600).fill(0)] })).is).toBe('bad')
    expect(parseProxyHeader(v2({ address: [1, 2, 3] })).is).toBe('bad')
  })

  test('every prefix of a good header asks for more', () => {
    for (const whole of [v2({ address: ipv4, tlvs: [5, 0, 1, 1] }), text('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n')]) {
      for (let n = 0; n < whole.length; n++) expect(parseProxyHeader(whole.subarray(0, n))).toEqual({ is: 'more' })
      expect(parseProxyHeader(whole).is).toBe('header')
    }
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, signed) => {
        const start = signed ? v2({ address: ipv4 }).subarray(0, 13) : text('PROXY TCP4 ')
        const header = parseProxyHeader(new Uint8Array([...start, ...bytes]))
        if (header.is === 'header') expect(header.length).toBeLessThanOrEqual(536)
      }),
    )
  })
})

describe('in front of a factory', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function open() {
    const stats = new EdgeStats()
    const log: string[] = []
    const peers: Peer[] = []
    const peer: Peer = { address: '10.0.0.9', port: 1, listener: 'tcp', certificateName: undefined, secure: false }
    const transport: Transport = {
      peer,
      write: () => true,
      writev: () => true,
      end: () => {},
      destroy: () => {
        log.push('destroyed')
        events.closed()
      },
      pause: () => {},
      resume: () => {},
    }
    const factory = withProxyProtocol(
      inner => {
        peers.push(inner.peer)
        return {
          data: chunk => void log.push(new TextDecoder().decode(chunk)),
          drained: () => void log.push('drained'),
          closed: () => void log.push('closed'),
        }
      },
      { timeoutMs: 1000, stats, onBad: why => void log.push(why) },
    )
    const events: TransportEvents = factory(transport)
    return { stats, log, peers, events }
  }

  test('the stream begins behind the header, whatever the chunks', () => {
    const whole = text('PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\nhello')
    for (let cut = 1; cut < whole.length; cut++) {
      const { log, peers, events } = open()
      events.data(whole.subarray(0, cut))
      events.data(whole.subarray(cut))
      events.closed()
      expect(log.filter(word => word !== 'closed').join('')).toBe('hello')
      expect(peers).toEqual([
        { address: '203.0.113.7', port: 51234, listener: 'tcp', certificateName: undefined, secure: false },
      ])
      vi.advanceTimersByTime(2000)
      expect(log.at(-1)).toBe('closed')
    }
  })

  test('a bad header destroys the connection and is counted; the factory never sees it', () => {
    const { stats, log, peers, events } = open()
    events.data(text('\x10\x10'))
    events.data(text('more'))
    expect(log).toEqual(['The connection does not begin with a PROXY header', 'destroyed'])
    expect(peers).toEqual([])
    expect(stats.malformed).toBe(1)
  })

  test('silence destroys the connection in time', () => {
    const { stats, log, events } = open()
    events.data(text('PROXY'))
    vi.advanceTimersByTime(999)
    expect(log).toEqual([])
    vi.advanceTimersByTime(1)
    expect(log).toEqual(['No PROXY header came in time', 'destroyed'])
    expect(stats.connectTimeouts).toBe(1)
  })
})
