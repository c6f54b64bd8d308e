/** Certificates from files, per server name, and their reload when the files change. Must not know sockets or MQTT. */
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext, type SecureContextOptions, type Server } from 'node:tls'

/** One certificate. Without `serverName` it is the default; `*.example.org` stands for one more label. */
export interface CertificateFiles {
  readonly serverName?: string
  readonly certFile: string
  readonly keyFile: string
}

export interface TlsFiles {
  /** At least one. The one without `serverName` (or the first) serves clients that name none or an unknown one. */
  readonly certificates: readonly CertificateFiles[]
  /** Client certificates must be signed by these. */
  readonly caFile?: string
  /** mTLS: no connection without a verified client certificate. Needs `caFile`. */
  readonly requireClientCertificate?: boolean
  /** How often files are looked at for changes. Milliseconds, default 5000; 0 never. */
  readonly reloadMs?: number
}

/** Worth a log line. A refused reload keeps the certificates in force. */
export type TlsEvent =
  | { readonly is: 'certificates-reloaded'; readonly files: readonly string[] }
  | { readonly is: 'certificates-refused'; readonly detail: string }
  | { readonly is: 'handshake-failed'; readonly address: string; readonly detail: string }

interface Loaded {
  readonly fallback: SecureContextOptions
  readonly contexts: ReadonlyMap<string, SecureContext>
}

const RELOAD_MS = 5000

export class Certificates {
  private readonly files: TlsFiles
  private readonly onEvent: (event: TlsEvent) => void
  private readonly servers = new Set<Server>()
  private loaded: Loaded
  private stamp: string
  private timer: ReturnType<typeof setTimeout> | undefined

  private constructor(files: TlsFiles, onEvent: (event: TlsEvent) => void, loaded: Loaded, stamp: string) {
    this.files = files
    this.onEvent = onEvent
    this.loaded = loaded
    this.stamp = stamp
    this.watch()
  }

  /** Rejects with a text that names the file that is missing or does not fit. */
  static async open(files: TlsFiles, onEvent: (event: TlsEvent) => void = () => {}): Promise<Certificates> {
    if (files.certificates.length === 0) throw new Error('TLS needs at least one certificate')
    if (files.requireClientCertificate === true && files.caFile === undefined) {
      throw new Error('Requiring client certificates needs a CA file to check them with')
    }
    const stamp = await stampOf(files)
    return new Certificates(files, onEvent, await load(files), stamp)
  }

  /** Options for `tls.createServer` and `https.createServer`. TLS 1.2 at least. */
  serverOptions(): SecureContextOptions & {
    requestCert: boolean
    rejectUnauthorized: boolean
    SNICallback: (serverName: string, done: (error: Error | null, context?: SecureContext) => void) => void
  } {
    const require = this.files.requireClientCertificate === true
    return {
      ...this.loaded.fallback,
      requestCert: require,
      rejectUnauthorized: require,
      SNICallback: (serverName, done) => done(null, this.contextFor(serverName)),
    }
  }

  /** From now on the server gets new certificates when the files change. */
  follow(server: Server): void {
    this.servers.add(server)
  }

  close(): void {
    clearTimeout(this.timer)
    this.servers.clear()
    this.timer = undefined
  }

  /** undefined: the server's default applies. */
  private contextFor(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase()
    return this.loaded.contexts.get(name) ?? this.loaded.contexts.get(`*${name.slice(name.indexOf('.'))}`)
  }

  private watch(): void {
    const everyMs = this.files.reloadMs ?? RELOAD_MS
    if (everyMs === 0) return
    this.timer = setTimeout(() => {
      void this.check().then(() => {
        if (this.timer !== undefined) this.watch()
      })
    }, everyMs).unref()
  }

  private async check(): Promise<void> {
    try {
      const stamp = await stampOf(this.files)
      if (stamp === this.stamp) return
      this.stamp = stamp
      const loaded = await load(this.files)
      for (const server of this.servers) server.setSecureContext(loaded.fallback)
      this.loaded = loaded
      this.onEvent({ is: 'certificates-reloaded', files: filesOf(this.files) })
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      if (this.timer !== undefined) this.onEvent({ is: 'certificates-refused', detail })
    }
  }
}

function filesOf(files: TlsFiles): string[] {
  const all = files.certificates.flatMap(one => [one.certFile, one.keyFile])
  return files.caFile === undefined ? all : [...all, files.caFile]
}

/** Changes when a file is written, replaced or goes away. */
async function stampOf(files: TlsFiles): Promise<string> {
  const each = filesOf(files).map(file =>
    stat(file).then(
      found => `${found.ino} ${found.mtimeMs} ${found.size}`,
      () => 'none',
    ),
  )
  return (await Promise.all(each)).join('\n')
}

async function load(files: TlsFiles): Promise<Loaded> {
  const ca = files.caFile === undefined ? undefined : await read(files.caFile)
  const contexts = new Map<string, SecureContext>()
  let fallback: SecureContextOptions | undefined
  for (const one of files.certificates) {
    const options: SecureContextOptions = {
      cert: await read(one.certFile),
      key: await read(one.keyFile),
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
    }
    const context = makeContext(options, one)
    if (one.serverName !== undefined) contexts.set(one.serverName.toLowerCase(), context)
    if (fallback === undefined || one.serverName === undefined) fallback = options
  }
  return { fallback: fallback as SecureContextOptions, contexts }
}

function makeContext(options: SecureContextOptions, files: CertificateFiles): SecureContext {
  try {
    return createSecureContext(options)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Certificate '${files.certFile}' with key '${files.keyFile}' cannot be used: ${why}`, { cause })
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`TLS file '${file}' cannot be read: ${why}`, { cause })
  }
}
