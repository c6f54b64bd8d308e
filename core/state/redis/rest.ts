/** Redis over the REST interface of Upstash, on any runtime that has `fetch`. Batches and encodes; keeps no connection of its own. */
import { Redis } from '@upstash/redis'
import { fromBase64, toBase64 } from './base64.ts'
import type { Argument, Reply, Transport } from './driver.ts'

export interface RestOptions {
  /** `http(s)://host:port`, without the token. */
  readonly url: string
  readonly token: string
  readonly shown: string
  /** A request that is not answered by then fails. */
  readonly timeoutMs: number
}

type JsonReply = string | number | null | readonly JsonReply[]
interface Outcome {
  readonly result?: JsonReply
  readonly error?: string
}

/** The client, with its own way to send: it would take replies for text and JSON, put what is stored into its error texts, and send again by itself. */
class Client extends Redis {
  constructor(request: (path: readonly string[], body: unknown) => Promise<unknown>) {
    super({ request: ({ path = [], body }) => request(path, body) as Promise<never> })
    this.opts = { automaticDeserialization: false }
  }

  /** The same client, but calls of one moment go out as one request. */
  together(): Redis {
    return this.autoPipeline()
  }
}

export class RestTransport implements Transport {
  readonly address: string
  readonly #o: RestOptions
  readonly #redis: Redis

  constructor(options: RestOptions) {
    this.#o = options
    this.address = options.shown
    this.#redis = new Client((path, body) => this.#request(path, body)).together()
  }

  call(
    command: 'evalsha' | 'eval',
    script: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<Reply> {
    // Bytes are no JSON: base64, marked, as `bytesOf` reads it.
    const words = args.map(value => (value instanceof Uint8Array ? `=${toBase64(value)}` : String(value)))
    return this.#redis[command]<string[], Reply>(script, [...keys], words)
  }

  close(): void {}

  /** One HTTP request of one or many commands. @see https://upstash.com/docs/redis/features/restapi */
  async #request(path: readonly string[], body: unknown): Promise<unknown> {
    const { url, token, timeoutMs } = this.#o
    const response = await fetch([url, ...path].join('/'), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'upstash-encoding': 'base64',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(error => {
      throw new Error(causeOf(error))
    })
    const answer = (await response.json().catch(() => undefined)) as Outcome | Outcome[] | undefined
    if (answer === undefined) throw new Error(`HTTP ${response.status} without JSON`)
    if (!Array.isArray(answer) && answer.error !== undefined) throw new Error(answer.error)
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return Array.isArray(answer) ? answer.map(decoded) : decoded(answer)
  }
}

/** `fetch` hides why it failed one level down. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}

const decoded = ({ result, error }: Outcome): { result?: Reply; error?: string } =>
  error === undefined ? { result: reply(result ?? null) } : { error }

function reply(value: JsonReply): Reply {
  if (value === null || typeof value === 'number') return value
  return typeof value === 'string' ? fromBase64(value) : value.map(reply)
}
