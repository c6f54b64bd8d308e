/** Measures how far regions are. How one endpoint is reached is the runtime's business (`Runtime.probe`). */
import type { Endpoint, Region } from './endpoint.ts'

/** Milliseconds until a connection to the endpoint was open; it is closed again. Rejects if it cannot be opened or `signal` aborts. */
export type Probe = (endpoint: Endpoint, signal: AbortSignal) => Promise<number>

export interface Answer {
  readonly region: Region
  readonly endpoint: Endpoint
  readonly rttMs: number
}

export interface Probing {
  readonly probe: Probe
  readonly timeoutMs: number
  readonly settleMs: number
  readonly signal: AbortSignal
  /** Whether nobody else needs to answer after this. */
  isEnough(answer: Answer): boolean
  /** Whether the endpoint may be dialled now. */
  mayTry(endpoint: Endpoint): boolean
  failed(endpoint: Endpoint, error: unknown): void
}

/**
 * Probes all regions at once, of each the first endpoint that answers. Resolves when all have answered or failed, or when the others had
 * `settleMs` and half the time of the first answer more than that one needed: a lost region holds nobody up.
 */
export function measure(regions: readonly Region[], probing: Probing): Promise<Answer[]> {
  const answers: Answer[] = []
  return new Promise(resolve => {
    let open = regions.length
    const finish = (): void => {
      clearTimeout(timer)
      probing.signal.removeEventListener('abort', finish)
      // Those who are still on their way are judged by their own time-out, after the choice.
      resolve([...answers])
    }
    let timer = setTimeout(finish, probing.timeoutMs + 20)
    probing.signal.addEventListener('abort', finish, { once: true })
    for (const region of regions) {
      measureRegion(region, probing).then(answer => {
        if (answer !== undefined) answers.push(answer)
        if (--open === 0 || (answer !== undefined && probing.isEnough(answer))) finish()
        else if (answers.length === 1 && answer !== undefined) {
          clearTimeout(timer)
          timer = setTimeout(finish, probing.settleMs + answer.rttMs / 2)
        }
      })
    }
    if (open === 0) finish()
  })
}

async function measureRegion(region: Region, probing: Probing): Promise<Answer | undefined> {
  for (const endpoint of region.endpoints) {
    if (probing.signal.aborted) return undefined
    if (!probing.mayTry(endpoint)) continue
    const giveUp = new AbortController()
    const abort = (): void => giveUp.abort()
    const timer = setTimeout(abort, probing.timeoutMs)
    probing.signal.addEventListener('abort', abort)
    try {
      return { region, endpoint, rttMs: await probing.probe(endpoint, giveUp.signal) }
    } catch (error) {
      if (!probing.signal.aborted) probing.failed(endpoint, error)
    } finally {
      clearTimeout(timer)
      probing.signal.removeEventListener('abort', abort)
    }
  }
  return undefined
}
