/** Compares a packet with what a row expects of it, and remembers values that later steps use. Pure. */
import { isDeepStrictEqual } from 'node:util'

/** A check other than equality. */
export type Check =
  | { readonly check: 'oneOf'; readonly of: readonly unknown[] }
  | { readonly check: 'between'; readonly low: number; readonly high: number }
  | { readonly check: 'absent' }
  | { readonly check: 'present' }
  | { readonly check: 'save'; readonly as: string }
  | { readonly check: 'use'; readonly name: string }
  | { readonly check: 'pattern'; readonly source: string }

export type Value = unknown
export type Expected = { readonly cmd: string } & Readonly<Record<string, Value>>
/** Values saved by `save`, per row. */
export type Memory = Map<string, unknown>

export const oneOf = (...of: readonly unknown[]): Check => ({ check: 'oneOf', of })
export const between = (low: number, high: number): Check => ({ check: 'between', low, high })
export const absent: Check = { check: 'absent' }
export const present: Check = { check: 'present' }
/** Anything present, remembered under this name. */
export const save = (as: string): Check => ({ check: 'save', as })
/** What was saved under this name; also in packets to send. */
export const use = (name: string): Check => ({ check: 'use', name })
export const pattern = (source: string): Check => ({ check: 'pattern', source })

export const isCheck = (value: unknown): value is Check =>
  typeof value === 'object' && value !== null && 'check' in value

/** Bytes as text if they are UTF-8, so that a row can write payloads as strings. */
const plain = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value)

function check(wanted: Check, got: unknown, memory: Memory): boolean {
  switch (wanted.check) {
    case 'oneOf':
      return wanted.of.some(one => same(one, got, memory))
    case 'between':
      return typeof got === 'number' && got >= wanted.low && got <= wanted.high
    case 'absent':
      return got === undefined
    case 'present':
      return got !== undefined
    case 'save':
      memory.set(wanted.as, got)
      return got !== undefined
    case 'use':
      return isDeepStrictEqual(memory.get(wanted.name), got)
    case 'pattern':
      return typeof plain(got) === 'string' && new RegExp(wanted.source).test(String(plain(got)))
  }
}

/** User properties in order: [[name, value], …]; mqtt-packet gives an object, with a list where a name repeats. */
const entries = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Object.entries(value).map(([k, v]) => [k, v]) : value

/** True if `got` is what the row wants: objects are compared by the wanted keys only. */
export function same(wanted: unknown, got: unknown, memory: Memory): boolean {
  if (isCheck(wanted)) return check(wanted, got, memory)
  if (wanted instanceof Uint8Array) return got instanceof Uint8Array && Buffer.compare(wanted, got) === 0
  if (Array.isArray(wanted)) {
    return Array.isArray(got) && got.length === wanted.length && wanted.every((one, i) => same(one, got[i], memory))
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const object: object | undefined = typeof got === 'object' && got !== null ? got : undefined
    return Object.entries(wanted).every(([key, value]) => {
      const there: unknown = object === undefined ? undefined : Reflect.get(object, key)
      if (key === 'userProperties' && !isCheck(value)) return isDeepStrictEqual(entries(value), entries(there))
      if (key === 'subscriptionIdentifier' && Array.isArray(value)) return sameSet(value, there)
      return same(value, there, memory)
    })
  }
  return isDeepStrictEqual(wanted, plain(got))
}

function sameSet(wanted: readonly unknown[], got: unknown): boolean {
  const list: readonly unknown[] = Array.isArray(got) ? got : [got]
  const sorted = (values: readonly unknown[]) => values.map(Number).sort((a, b) => a - b)
  return isDeepStrictEqual(sorted(wanted), sorted(list))
}

/** A packet in one short line for error messages. */
export function show(packet: unknown): string {
  return JSON.stringify(packet, (key, value: unknown) => {
    if (value === null || key === 'length') return undefined
    if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value) {
      return Buffer.from(value.data as number[])
        .toString('utf8')
        .slice(0, 60)
    }
    return value
  })
}
