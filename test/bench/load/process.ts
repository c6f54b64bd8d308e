/** Reads what processes have used, from Linux's /proc; zero where there is none. */
import { readFileSync } from 'node:fs'

/** USER_HZ, fixed at 100 on every architecture Linux exposes /proc/PID/stat on. */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

export interface Usage {
  readonly cpuSecs: number
  readonly rssBytes: number
}

/** User and system time and resident memory of the processes together. */
export const usageOf = (pids: readonly number[]): Usage => {
  let cpuSecs = 0
  let rssBytes = 0
  for (const pid of pids) {
    const fields = statOf(pid)
    cpuSecs += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
    rssBytes += Number(fields[21] ?? 0) * PAGE_BYTES
  }
  return { cpuSecs, rssBytes }
}

/** The fields after the command name, which may hold blanks itself. */
const statOf = (pid: number): string[] => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

/** CPU seconds that the whole machine has been busy, time taken by its host included: what is not ours is disturbance. */
export const machineCpuSecs = (): number => {
  try {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/).map(Number)
    return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}
