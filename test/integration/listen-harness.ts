/** What the listener tests share: a factory that records, certificates from openssl, waiting for a condition. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionFactory, Peer, Transport } from '../../edge/listen/transport.ts'

export interface Seen {
  readonly transport: Transport
  readonly peer: Peer
  text: string
  drained: number
  closed: number
}

/** Remembers every connection; `reply` sees each chunk. */
export function recorder(reply: (transport: Transport, text: string) => void = () => {}): {
  seen: Seen[]
  factory: ConnectionFactory
} {
  const seen: Seen[] = []
  const factory: ConnectionFactory = transport => {
    const one: Seen = { transport, peer: transport.peer, text: '', drained: 0, closed: 0 }
    seen.push(one)
    return {
      data: chunk => {
        if (one.closed > 0) throw new Error('Data came after closed')
        const text = Buffer.from(chunk).toString('latin1')
        one.text += text
        reply(transport, text)
      },
      drained: () => {
        one.drained += 1
      },
      closed: () => {
        one.closed += 1
      },
    }
  }
  return { seen, factory }
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export async function until(what: string, holds: () => boolean, withinMs = 15_000): Promise<void> {
  const end = Date.now() + withinMs
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Waited ${withinMs} ms for: ${what}`)
    await sleep(5)
  }
}

const openssl = (cwd: string, ...args: string[]): void => {
  execFileSync('openssl', args, { cwd, stdio: 'pipe' })
}

/** Writes NAME.crt and NAME.key, signed by CA.crt/CA.key if `ca` is given, else by itself. */
export function certificate(dir: string, name: string, commonName: string, ca?: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`]
  if (ca === undefined) {
    openssl(dir, 'req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', '-subj', `/CN=${commonName}`)
    return
  }
  openssl(dir, 'req', ...key, '-out', `${name}.csr`, '-subj', `/CN=${commonName}`)
  writeFileSync(join(dir, `${name}.ext`), `subjectAltName=DNS:${commonName}\n`)
  const signed = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2']
  openssl(dir, 'x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', `${name}.crt`)
}
