/** The log of the process: JSON lines with the level by name and the time as ISO text. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Config } from './config/schema.ts'

export function makeLog(level: Config['logLevel'], to: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    to,
  )
}
