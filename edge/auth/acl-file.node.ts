/** The ACL from a file, read again when it changes. */
import { Acl, parseAcl } from './acl.ts'
import type { Action, Authorizer, Identity } from './ports.ts'
import { type Watched, watchFile } from './watched-file.node.ts'

export interface AclFileOptions {
  readonly path: string
  readonly report: (detail: string) => void
  readonly watchEveryMs?: number
}

/** Its answers may change at any time, `unrestricted` included: ask, don't remember. */
export class AclFile implements Authorizer {
  #acl = new Acl({ rules: [], defaultAllow: false })
  #watched: Watched | undefined

  private constructor() {}

  /** Reads the file and watches it. Rejects with an error that names file and line. */
  static async open(options: AclFileOptions): Promise<AclFile> {
    const file = new AclFile()
    const everyMs = options.watchEveryMs === undefined ? {} : { everyMs: options.watchEveryMs }
    const use = (text: string): void => {
      file.#acl = new Acl(parseAcl(text))
    }
    file.#watched = await watchFile({ path: options.path, report: options.report, use, ...everyMs })
    return file
  }

  unrestricted(action: Action): boolean {
    return this.#acl.unrestricted(action)
  }

  allows(identity: Identity, action: Action, topic: string): boolean {
    return this.#acl.allows(identity, action, topic)
  }

  /** Looks at once whether the file has changed. */
  async reload(): Promise<void> {
    await this.#watched?.check()
  }

  close(): void {
    this.#watched?.close()
  }
}
