/** What Node gives a process that devices come to. */
import { serveHttp } from '../../edge/http/serve.node.ts'
import { pace } from './pace.node.ts'
import type { Runtime } from './serve.ts'
import { youngGeneration } from './young-generation.node.ts'

export const node: Runtime = {
  serveHttp,
  hooks: config => ({ everySecond: youngGeneration(), afterTurn: pace(config.limits.turnGapMs) }),
}
