/** The transport over a WebSocket of the platform, with a pretended socket and pretended time. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WS_OUT_BYTES, webPeer } from '../../../../edge/http/app.ts'
import { WebTransport } from '../../../../edge/http/web-transport.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** What the transport uses of a WebSocket. */
class FakeSocket {
  readyState: number = WebSocket.OPEN
  bufferedAmount = 0
  sent: Uint8Array[] = []
  closedWith: number[] = []
  onmessage: (event: { data: unknown }) => void = () => {}
  onclose: () => void = () => {}
  onerror: () => void = () => {}
  send(bytes: Uint8Array): void {
    this.sent.push(bytes)
  }
  close(code: number): void {
    this.closedWith.push(code)
  }
}

function open() {
  const socket = new FakeSocket()
  const log: string[] = []
  const transport = new WebTransport(
    socket as unknown as WebSocket,
    webPeer('203.0.113.7', 9, true),
    () => ({
      data: chunk => void log.push(new TextDecoder().decode(chunk)),
      drained: () => void log.push('drained'),
      closed: () => void log.push('closed'),
    }),
    { maxFrameBytes: 10 },
  )
  const receive = (data: unknown): void => socket.onmessage({ data })
  const bytes = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer
  return { socket, log, transport, receive, bytes }
}

test('several runs leave in one frame', () => {
  const { socket, transport } = open()
  transport.writev([new Uint8Array([1]), new Uint8Array([2, 3])])
  expect(socket.sent).toEqual([new Uint8Array([1, 2, 3])])
})

test('full is said until there is room again', () => {
  const { socket, log, transport } = open()
  socket.bufferedAmount = WS_OUT_BYTES + 1
  expect(transport.write(new Uint8Array(1))).toBe(false)
  vi.advanceTimersByTime(50)
  expect(log).toEqual([])
  socket.bufferedAmount = 0
  expect(transport.write(new Uint8Array(1))).toBe(false)
  vi.advanceTimersByTime(50)
  expect(log).toEqual(['drained'])
  expect(transport.write(new Uint8Array(1))).toBe(true)
})

test('what comes while paused is held in order, and is bounded', () => {
  const { socket, log, transport, receive, bytes } = open()
  transport.pause()
  receive(bytes('abc'))
  receive(bytes('def'))
  expect(log).toEqual([])
  transport.resume()
  expect(log).toEqual(['abc', 'def'])
  transport.pause()
  receive(bytes('123456'))
  receive(bytes('123456'))
  expect(socket.closedWith).toEqual([1013])
})

test('text frames and frames too large close [MQTT-6.0.0-1]', () => {
  const text = open()
  text.receive('hello')
  expect(text.socket.closedWith).toEqual([1003])
  const large = open()
  large.receive(large.bytes('hello world'))
  expect(large.socket.closedWith).toEqual([1009])
  expect([...text.log, ...large.log]).toEqual([])
})

test('closed comes once: after end, after its bound, after destroy', () => {
  const ended = open()
  ended.transport.end()
  ended.receive(ended.bytes('late'))
  ended.socket.onclose()
  ended.socket.onclose()
  vi.advanceTimersByTime(5000)
  expect(ended.log).toEqual(['closed'])
  const stuck = open()
  stuck.transport.end()
  vi.advanceTimersByTime(1999)
  expect(stuck.log).toEqual([])
  vi.advanceTimersByTime(1)
  stuck.socket.onclose()
  expect(stuck.log).toEqual(['closed'])
  const destroyed = open()
  destroyed.transport.destroy()
  destroyed.transport.destroy()
  return Promise.resolve().then(() => {
    destroyed.socket.onclose()
    expect(destroyed.log).toEqual(['closed'])
  })
})
