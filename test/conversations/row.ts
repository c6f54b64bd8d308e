/** What a conversation is: rows of plain data, and the words they are written in. Knows no socket and no broker. */
import type { Expected, Value } from './match.ts'

/** 3 is MQIsdp (3.1), 4 is 3.1.1, 5 is 5.0. */
export type Version = 3 | 4 | 5
export type TransportKind = 'tcp' | 'ws'
/** A broker's settings by name, see profiles.ts. */
export type Profile = 'default' | 'limits' | 'acl' | 'restricted' | 'options'

/** A packet by mqtt-packet's field names; `{id}` and `{t}` in strings are the row's own. */
export type Fields = { readonly cmd: string } & Readonly<Record<string, unknown>>

/** Raw bytes: hex (spaces allowed), length-prefixed text, what a variable byte length precedes, or a whole packet with its remaining length. */
export type Part =
  | string
  | { readonly text: string }
  | { readonly sized: readonly Part[] }
  | { readonly head: number; readonly parts: readonly Part[] }

export type Step =
  | { readonly do: 'open'; readonly who: string }
  | { readonly do: 'send'; readonly who: string; readonly packet: Fields }
  | { readonly do: 'raw'; readonly who: string; readonly parts: readonly Part[] }
  | { readonly do: 'textFrame'; readonly who: string; readonly text: string }
  | {
      readonly do: 'expect'
      readonly who: string
      readonly packets: readonly Expected[]
      readonly order: 'kept' | 'any'
    }
  | {
      readonly do: 'closed'
      readonly who: string
      /** 5.0 only: the packet that says why, before the close. */
      readonly farewell: 'connack' | 'disconnect'
      readonly reason: Value | undefined
      readonly withinMs: number
    }
  | { readonly do: 'silence'; readonly who: string; readonly ms: number }
  | { readonly do: 'drop'; readonly who: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'only'; readonly versions: readonly Version[]; readonly steps: readonly Step[] }

/** Steps may be nested as helpers return them. */
export type Script = readonly (Step | Script)[]

export interface RowOptions {
  /** Default 3.1.1 and 5.0. */
  readonly versions?: readonly Version[]
  /** Default both. */
  readonly transports?: readonly TransportKind[]
  readonly profile?: Profile
  /** The row subscribes to what other rows publish too: messages without the row's own `{t}` or `{id}` in the topic are acknowledged and left out. */
  readonly shared?: boolean
}

export interface Row extends Required<Omit<RowOptions, 'shared'>> {
  readonly name: string
  readonly shared: boolean
  readonly steps: readonly Step[]
}

const flatten = (script: Script): Step[] => script.flatMap(step => ('do' in step ? [step] : flatten(step)))

/**
 * One conversation. Its name cites the statements it shows: `[MQTT-x.y.z-n]` of MQTT 5.0, `[MQTT3-x.y.z-n]` of 3.1.1.
 * In strings, `{id}` starts a client id and `{t}` a topic nobody else uses.
 */
export function row(name: string, script: Script, options: RowOptions = {}): Row {
  return {
    name,
    versions: options.versions ?? [4, 5],
    transports: options.transports ?? ['tcp', 'ws'],
    profile: options.profile ?? 'default',
    shared: options.shared ?? false,
    steps: flatten(script),
  }
}

export const open = (who: string): Step => ({ do: 'open', who })
export const send = (who: string, packet: Fields): Step => ({ do: 'send', who, packet })
export const raw = (who: string, ...parts: readonly Part[]): Step => ({ do: 'raw', who, parts })
/** The next packet, field by field; fields that are not named are not looked at. */
export const expect = (who: string, ...packets: readonly Expected[]): Step => ({
  do: 'expect',
  who,
  packets,
  order: 'kept',
})
/** These packets next, in whatever order. */
export const expectAll = (who: string, ...packets: readonly Expected[]): Step => ({
  do: 'expect',
  who,
  packets,
  order: 'any',
})
/** The server closes the connection. 5.0: after a DISCONNECT with `reason`, if one is given. */
export const closed = (who: string, reason?: Value, withinMs = 5000): Step => ({
  do: 'closed',
  who,
  farewell: 'disconnect',
  reason,
  withinMs,
})
/** The server refuses what is no CONNECT: 3.1.1 closes without an answer [MQTT3-3.1.4-1], 5.0 says why in CONNACK. */
export const rejected = (who: string, reason: Value): Step => ({
  do: 'closed',
  who,
  farewell: 'connack',
  reason,
  withinMs: 5000,
})
/** Nothing comes. */
export const silence = (who: string, ms = 150): Step => ({ do: 'silence', who, ms })
/** The client's side of the connection breaks, without DISCONNECT. */
export const drop = (who: string): Step => ({ do: 'drop', who })
export const wait = (ms: number): Step => ({ do: 'wait', ms })
export const only = (versions: readonly Version[], ...script: Script): Step => ({
  do: 'only',
  versions,
  steps: flatten(script),
})
export const on5 = (...script: Script): Step => only([5], ...script)
export const on3 = (...script: Script): Step => only([3, 4], ...script)

/** Length-prefixed UTF-8, as strings and binary data are on the wire. */
export const text = (value: string): Part => ({ text: value })
/** A packet: first byte, and what follows the remaining length. */
export const frame = (head: number, ...parts: readonly Part[]): Part => ({ head, parts })
/** Properties of a 5.0 packet with their length in front. */
export const props = (...parts: readonly Part[]): Part => ({ sized: parts })
