/** How a process links to cores: over `ws`, with the TLS files of its settings. Opens no link. */
import type { LinkConnector } from '../../core/contract/link/transport.ts'
import { nodeConnector } from '../../edge/link/socket.node.ts'
import { readPem } from '../pem.node.ts'

export interface LinkFiles {
  readonly linkCaFile?: string | undefined
  readonly linkCertFile?: string | undefined
  readonly linkKeyFile?: string | undefined
}

/** Rejects with a text that names the file that cannot be had. */
export async function linkConnector({ linkCaFile, linkCertFile, linkKeyFile }: LinkFiles): Promise<LinkConnector> {
  const [ca, cert, key] = await Promise.all([
    readPem('linkCaFile', linkCaFile),
    readPem('linkCertFile', linkCertFile),
    readPem('linkKeyFile', linkKeyFile),
  ])
  return nodeConnector({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
}
