/** Asks other regions now and then whether they are ready, over HTTP. Decides nothing with it: `Regions` is told. */
import type { Regions } from './regions.ts'

export interface HealthCheck {
  readonly region: string
  /** The `/readyz` of the region: any answer of 200 to 299 is healthy. */
  readonly url: string
}

export interface HealthOptions {
  readonly regions: Regions
  readonly checks: readonly HealthCheck[]
  /** From one question to the next; so long an answer is waited for. ms */
  readonly everyMs: number
  /** A region went, or came back. */
  readonly changed: (region: string, healthy: boolean, detail: string) => void
}

/** One lost answer says nothing. */
const FAILURES = 2

/** Begins to ask, at once. The result ends it. */
export function watchHealth({ regions, checks, everyMs, changed }: HealthOptions): () => void {
  const failures = new Map<string, number>()
  const ask = async ({ region, url }: HealthCheck): Promise<void> => {
    const trouble = await troubleOf(url, everyMs)
    const failed = trouble === undefined ? 0 : (failures.get(region) ?? 0) + 1
    failures.set(region, failed)
    const healthy = failed === 0 || (failed < FAILURES && regions.healthy(region))
    if (healthy === regions.healthy(region)) return
    regions.mark(region, healthy)
    changed(region, healthy, trouble ?? 'It answers')
  }
  const round = (): void => {
    for (const check of checks) void ask(check)
  }
  if (checks.length === 0) return () => {}
  round()
  const timer = setInterval(round, everyMs)
  return () => clearInterval(timer)
}

/** Why it is not ready; undefined if it is. */
async function troubleOf(url: string, withinMs: number): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(withinMs) })
    await answer.body?.cancel()
    return answer.ok ? undefined : `${url} answered ${answer.status}`
  } catch (error) {
    return `${url}: ${error instanceof Error ? error.message : String(error)}`
  }
}
