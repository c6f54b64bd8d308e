/** `meridian edge` on Deno: one process; its WebSocket takes authorities from Deno's own options and shows no certificate. */
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { webConnector } from '../../edge/link/socket.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { deno } from './runtime.deno.ts'
import { edgeOn } from './start.ts'

export const startEdge = edgeOn({ ...deno, connector: denoConnector })

/** Rejects with a text that names the settings that need Node. */
export function denoConnector(config: EdgeConfig): Promise<LinkConnector> {
  const { workers, reusePort, linkCaFile, linkCertFile } = config
  const missing = [
    ...(workers > 1 ? ['workers'] : []),
    ...(reusePort ? ['reusePort'] : []),
    ...(linkCaFile === undefined ? [] : ['linkCaFile (start Deno with --cert FILE)']),
    ...(linkCertFile === undefined ? [] : ['linkCertFile']),
  ]
  return missing.length > 0
    ? Promise.reject(new Error(`${missing.join(', ')}: an edge on Deno does not offer that; run it on Node`))
    : Promise.resolve(webConnector())
}
