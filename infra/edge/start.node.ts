/** `meridian edge` on Node: in this process, or as several workers. */
import { readFile } from 'node:fs/promises'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { nodeConnector } from '../../edge/link/socket.node.ts'
import type { Start } from '../cli/ports.ts'
import type { EdgeConfig } from '../config/edge.ts'
import { node } from './runtime.node.ts'
import { edgeOn } from './start.ts'
import { startWorkers, tellParent } from './workers.node.ts'

const startOne = edgeOn({ ...node, connector })

export const startEdge: Start<EdgeConfig> = async (config, log) => {
  if (config.workers > 1) return startWorkers(config, log)
  const running = await startOne(config, log)
  tellParent(running.listeners)
  return running
}

async function connector({ linkCaFile, linkCertFile, linkKeyFile }: EdgeConfig): Promise<LinkConnector> {
  const [ca, cert, key] = await Promise.all([
    pem('linkCaFile', linkCaFile),
    pem('linkCertFile', linkCertFile),
    pem('linkKeyFile', linkKeyFile),
  ])
  return nodeConnector({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
}

async function pem(setting: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Error(`${setting} is '${path}': ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
