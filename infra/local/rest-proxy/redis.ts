/** One connection to Redis that all requests share: what is sent while others wait goes out behind them, and nothing is sent twice. */
import { Redis, ReplyError } from 'ioredis'
import type { Command } from './command.ts'
import type { Reply } from './reply.ts'

/** Redis is away, or went away before it answered: HTTP 503. Whether the commands took effect is not known. */
export class Unavailable extends Error {}

export type Outcome = { readonly reply: Reply } | { readonly error: string }

export interface Runner {
  /** In order, others may come between. Names in capitals: replies to others are reshaped by the client. @throws Unavailable */
  run(commands: readonly Command[]): Promise<Outcome[]>
  /** In one MULTI … EXEC; an error outcome alone means that nothing was done. @throws Unavailable */
  runAtOnce(commands: readonly Command[]): Promise<Outcome[] | { readonly error: string }>
  close(): void
}

const COMMAND_TIMEOUT_MS = 10_000
const RECONNECT_MAX_MS = 1_000

/** Connects in the background, and again whenever it is lost. @param onError gets each failed attempt */
export function connectRedis(url: string, onError: (error: Error) => void): Runner {
  const redis = new Redis(url, {
    // The shapes of replies that Upstash gives.
    protocol: 2,
    // A caller of REST wants to know at once, and a command that may have run must not run again.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: times => Math.min(times * 50, RECONNECT_MAX_MS),
  })
  redis.on('error', onError)
  return {
    async run(commands) {
      const pipeline = redis.pipeline()
      for (const [name, ...args] of commands) pipeline.callBuffer(name, args)
      return outcomes(await pipeline.exec().catch(unavailable))
    },
    async runAtOnce(commands) {
      const transaction = redis.multi()
      for (const [name, ...args] of commands) transaction.callBuffer(name, args)
      try {
        return outcomes(await transaction.exec())
      } catch (error) {
        return error instanceof ReplyError ? { error: (error as Error).message } : unavailable(error)
      }
    },
    close: () => redis.disconnect(),
  }
}

function outcomes(results: readonly [Error | null, unknown][] | null): Outcome[] {
  return (results ?? []).map(([error, reply]) => {
    if (error === null) return { reply: reply as Reply }
    return error instanceof ReplyError ? { error: error.message } : unavailable(error)
  })
}

function unavailable(error: unknown): never {
  if (error instanceof Unavailable) throw error
  throw new Unavailable(`Redis did not answer: ${error instanceof Error ? error.message : String(error)}`)
}
