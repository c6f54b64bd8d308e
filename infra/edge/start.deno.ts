/** `meridian edge` on Deno: one process; its WebSocket takes authorities from Deno's own options and shows no certificate. */
import { webConnector } from '../../edge/link/socket.ts'
import type { Start } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { deno } from './runtime.deno.ts'
import { edgeOn } from './start.ts'

const startOne = edgeOn({ ...deno, connector: () => Promise.resolve(webConnector()) })

export const startEdge: Start<EdgeConfig> = (config, log) => {
  const { workers, reusePort, linkCaFile, linkCertFile } = config
  const missing = [
    ...(workers > 1 ? ['workers'] : []),
    ...(reusePort ? ['reusePort'] : []),
    ...(linkCaFile === undefined ? [] : ['linkCaFile (start Deno with --cert FILE)']),
    ...(linkCertFile === undefined ? [] : ['linkCertFile']),
  ]
  if (missing.length > 0)
    return Promise.reject(new Error(`${missing.join(', ')}: an edge on Deno does not offer that; run it on Node`))
  return startOne(config, log)
}
