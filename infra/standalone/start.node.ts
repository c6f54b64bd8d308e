/** `meridian start` on Node. */
import { serveHttp } from '../../edge/http/serve.node.ts'
import { pace } from './pace.node.ts'
import { standalone } from './start.ts'
import { youngGeneration } from './young-generation.node.ts'

export const startStandalone = standalone({
  serveHttp,
  hooks: config => ({ everySecond: youngGeneration(), afterTurn: pace(config.limits.turnGapMs) }),
})
