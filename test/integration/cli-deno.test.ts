/** The Deno build as its user meets it, where it differs from Node's. */
import { expect, test } from 'vitest'
import { meridianCommand } from '../harness/broker.ts'
import { run, until } from '../harness/process.ts'

const pair = 'certFile: no.crt, keyFile: no.key'

test.each([
  [`{ kind: wss, port: 0, ${pair}, caFile: no.ca, requireClientCertificate: true }`, 'requireClientCertificate'],
  [`{ kind: wss, port: 0, ${pair}, sni: [{ serverName: a, ${pair} }] }`, 'sni'],
])(
  'what Deno cannot do over TLS is refused, not left out: %s',
  async (listener, named) => {
    const [program = '', ...words] = meridianCommand('deno')
    const ports = ['--mqtt-port', '0', '--http-port', '0', '--data-dir', ':memory:', '--allow-anonymous']
    const running = run(program, [...words, 'start', ...ports, '--listeners', `[${listener}]`])
    expect(await until('the end', 20_000, running.ended)).toBe(1)
    expect(running.output()).toContain('meridian: Listener wss://127.0.0.1:0 has ')
    expect(running.output()).toContain(named)
  },
  30_000,
)
