/** One monotonic clock for all threads of the generator; must not be compared with wall-clock time. */

/** `performance.now()` starts anew in each thread; `process.hrtime` does not. */
const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Milliseconds (with fraction) since the machine booted, the same in every thread. */
export const nowMs = (): number => offsetMs + performance.now()

export const sleep = (ms: number): Promise<void> => new Promise(done => setTimeout(done, Math.max(0, ms)))
