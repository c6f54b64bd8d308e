/** `meridian start` on Node. */
import { serveHttp } from '../../edge/http/serve.node.ts'
import { standalone } from './start.ts'

export const startStandalone = standalone(serveHttp)
