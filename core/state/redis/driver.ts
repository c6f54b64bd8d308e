/** What everything on Redis goes through: scripts, run by hash over a transport that somebody else implements. Knows no keys. */
import { fromBase64 } from './base64.ts'
import type { ScriptName, Scripts } from './scripts.ts'
import type { RedisStats } from './stats.ts'

/** Bytes have to begin with a format version below 0x20: see `bytesOf`. */
export type Argument = string | number | Uint8Array

/** Strings of Redis are bytes, whatever they were written as. */
export type Reply = number | Uint8Array | null | readonly Reply[]

/** One connection, or what stands for it. Calls of one moment go out together, and are answered in any order. */
export interface Transport {
  /** For people: without user, password and token. */
  readonly address: string
  /** `script`: its hash for EVALSHA, its text for EVAL. Fails within its time-out; whether the script ran is then unknown. */
  call(command: 'evalsha' | 'eval', script: string, keys: readonly string[], args: readonly Argument[]): Promise<Reply>
  close(): void
}

/** Redis did not do what it was asked to. The text names the address. */
export class RedisError extends Error {}

export class Driver {
  readonly address: string
  readonly stats: RedisStats
  readonly #transport: Transport
  readonly #scripts: Scripts

  constructor(transport: Transport, scripts: Scripts, stats: RedisStats) {
    this.address = transport.address
    this.stats = stats
    this.#transport = transport
    this.#scripts = scripts
  }

  /** Runs a script; Redis is given its text when it does not know it. Throws RedisError. */
  async run(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<readonly Reply[]> {
    const { sha, source } = this.#scripts[name]
    this.stats.calls++
    let reply: Reply
    try {
      reply = await this.#transport.call('evalsha', sha, keys, args).catch(error => {
        if (!reason(error).includes('NOSCRIPT')) throw error
        this.stats.scriptLoads++
        return this.#transport.call('eval', source, keys, args)
      })
    } catch (error) {
      this.stats.failures++
      throw new RedisError(`Redis at '${this.address}' failed at '${name}': ${reason(error)}`, { cause: error })
    }
    if (Array.isArray(reply)) return reply
    throw new RedisError(`Redis at '${this.address}' answered '${name}' with something else than a list`)
  }

  close(): void {
    this.#transport.close()
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const decoder = new TextDecoder()
const BASE64 = '='.charCodeAt(0)

export function textOf(reply: Reply | undefined): string {
  return reply instanceof Uint8Array ? decoder.decode(reply) : ''
}

/** An integer reply, or one that came as text because Lua would have cut it. */
export function numberOf(reply: Reply | undefined): number {
  return typeof reply === 'number' ? reply : Number(textOf(reply))
}

export function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : []
}

/**
 * A copy of what was stored as bytes; undefined if there is nothing. Over REST bytes cannot be sent as they are, so that
 * transport stores `=` and base64, and whoever reads understands both: the first byte tells.
 */
export function bytesOf(reply: Reply | undefined): Uint8Array | undefined {
  if (!(reply instanceof Uint8Array) || reply.length === 0) return undefined
  return reply[0] === BASE64 ? fromBase64(decoder.decode(reply.subarray(1))) : new Uint8Array(reply)
}
