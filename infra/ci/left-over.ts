/** Processes that a test run leaves behind: found by an environment variable that all of its processes inherit, and ended. Linux only; elsewhere it finds none. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// Not one of MERIDIAN_…: gateways would warn of it, and some tests take those away.
const VARIABLE = 'TEST_RUN'
/** What was told to end as the last thing has so long for it. */
const GRACE_MS = 5_000
const POLL_MS = 100

export interface LeftOver {
  readonly pid: number
  /** Program and arguments, cut to what fits a line. */
  readonly command: string
}

/** The environment of a run, by which its processes are found. @param run unique words */
export const marked = (run: string): Readonly<Record<string, string>> => ({ [VARIABLE]: run })

/** Ends what of this run still lives after a while with SIGKILL. @returns what that was */
export async function endLeftOvers(run: string, graceMs = GRACE_MS): Promise<LeftOver[]> {
  for (const end = Date.now() + graceMs; Date.now() < end && processesOf(run).length > 0; ) await sleep(POLL_MS)
  const left = processesOf(run)
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
  return left
}

function processesOf(run: string): LeftOver[] {
  const pids = inProc<string[]>([], () => readdirSync('/proc')).filter(name => /^\d+$/.test(name))
  return pids
    .filter(pid => inProc([], () => words(`/proc/${pid}/environ`)).includes(`${VARIABLE}=${run}`))
    .map(pid => ({
      pid: Number(pid),
      command: inProc([], () => words(`/proc/${pid}/cmdline`))
        .join(' ')
        .slice(0, 200),
    }))
}

const words = (file: string): string[] => readFileSync(file, 'utf8').split('\0').filter(Boolean)

/** Processes end while they are looked at, and those of others may not be looked at. */
function inProc<T>(otherwise: T, look: () => T): T {
  try {
    return look()
  } catch {
    return otherwise
  }
}
