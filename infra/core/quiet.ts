/** What RocketMQ complains about, as log lines: few of one cause, and one when it has ceased. */
import type { Logger } from 'pino'
import type { RocketmqLog } from '../../core/log/rocketmq/client.node.ts'
import { Repeats } from '../repeats.ts'

/** What has the same text up to the first colon has the same cause: `RocketMQ at 127.0.0.1:8081 answers UNAVAILABLE: …`. */
export function quietly(log: Logger): RocketmqLog {
  const repeats = new Repeats()
  setInterval(() => {
    for (const { cause, times, forMs } of repeats.ceased()) log.warn({ times, forMs }, `Has ceased: ${cause}`)
  }, 1_000).unref()
  return {
    debug: text => log.debug(text),
    warn(text) {
      const leftOut = repeats.take(text.split(': ', 1)[0]!)
      if (leftOut === 0) log.warn(text)
      else if (leftOut !== undefined) log.warn({ leftOut }, text)
    },
  }
}
