/** How a process links to cores: over `ws`, with the TLS files of its settings. Opens no link. */
import { readFile } from 'node:fs/promises'
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { nodeConnector } from '../../edge/link/socket.node.ts'

export interface LinkFiles {
  readonly linkCaFile?: string | undefined
  readonly linkCertFile?: string | undefined
  readonly linkKeyFile?: string | undefined
}

/** Rejects with a text that names the file that cannot be had. */
export async function linkConnector({ linkCaFile, linkCertFile, linkKeyFile }: LinkFiles): Promise<LinkConnector> {
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
