/** Keeps the list of regions fresh from one or several discovery URLs. Decides nothing about where to connect. */
import { readDocument } from './discovery-document.ts'
import type { Region, Scheme } from './endpoint.ts'
import type { Events } from './events.ts'
import type { DeviceLimits } from './limits.ts'

export interface DiscoveryOptions {
  /** Asked in this order until one answers; the next round starts with that one. */
  readonly urls: readonly string[]
  readonly schemes: readonly Scheme[]
  readonly limits: DeviceLimits
  readonly random: () => number
  /** The document of an earlier run, if one was kept. */
  readonly kept: string | undefined
  /** New regions, with the document's text to keep. */
  found(regions: readonly Region[], text: string): void
}

export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #events: Events
  readonly #ended = new AbortController()
  #urls: readonly string[]
  /** The last document that could be used. */
  #text: string | undefined
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isAsking = false

  constructor(options: DiscoveryOptions, events: Events) {
    this.#options = options
    this.#events = events
    this.#urls = options.urls
  }

  /** Offers what was kept, and begins to ask. */
  start(): void {
    const { kept } = this.#options
    if (kept !== undefined) {
      try {
        this.#take(kept)
      } catch {
        // It was written by another version: the next answer replaces it.
      }
    }
    void this.refresh()
  }

  /** Asks now, unless an answer is on its way. */
  async refresh(): Promise<void> {
    if (this.#isAsking || this.#ended.signal.aborted) return
    this.#isAsking = true
    clearTimeout(this.#timer)
    const found = await this.#ask()
    this.#isAsking = false
    if (this.#ended.signal.aborted) return
    this.#failures = found ? 0 : this.#failures + 1
    this.#timer = setTimeout(() => void this.refresh(), this.#waitMs())
  }

  stop(): void {
    this.#ended.abort()
    clearTimeout(this.#timer)
  }

  #waitMs(): number {
    const { limits, random } = this.#options
    if (this.#failures === 0) return limits.discoveryRefreshMs * (0.5 + random())
    return random() * Math.min(limits.backoffMaxMs, limits.backoffBaseMs * 2 ** Math.min(this.#failures, 30))
  }

  async #ask(): Promise<boolean> {
    for (const url of this.#urls) {
      try {
        this.#take(await this.#fetched(url))
        this.#urls = [url, ...this.#options.urls.filter(other => other !== url)]
        return true
      } catch (error) {
        if (this.#ended.signal.aborted) return false
        this.#events.warn('discovery-failed', `Discovery at ${url} failed: ${textOf(error)}`)
      }
    }
    return false
  }

  async #fetched(url: string): Promise<string> {
    const { discoveryTimeoutMs, discoveryMaxBytes } = this.#options.limits
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(discoveryTimeoutMs)])
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } })
    if (!response.ok || (isEncrypted(url) && !isEncrypted(response.url))) {
      await response.body?.cancel()
      throw new Error(
        response.ok ? `it leads from TLS to no TLS, to ${response.url}` : `it answered ${response.status}`,
      )
    }
    const chunks: string[] = []
    const decoder = new TextDecoder()
    let bytes = 0
    for (const reader = (response.body ?? new Blob().stream()).getReader(); ; ) {
      const { done, value } = await reader.read()
      if (done) return chunks.join('') + decoder.decode()
      bytes += value.length
      if (bytes > discoveryMaxBytes) {
        await reader.cancel()
        throw new Error(`its document has more than ${discoveryMaxBytes} bytes`)
      }
      chunks.push(decoder.decode(value, { stream: true }))
    }
  }

  #take(text: string): void {
    if (text === this.#text) return
    const { schemes, limits, found } = this.#options
    const { regions, skipped } = readDocument(parsed(text), schemes, limits)
    this.#text = text
    for (const what of skipped) this.#events.warn('discovery-document', what)
    found(regions, text)
  }
}

const isEncrypted = (url: string): boolean => url.startsWith('https:')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`its answer is not JSON: ${JSON.stringify(text.slice(0, 40))}`)
  }
}

/** `fetch` says no more than that it failed; its cause says why. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`
}
