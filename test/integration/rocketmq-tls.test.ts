/** How RocketMQ's proxies are reached: several by name, and over TLS. The proxies are made up: they take settings and messages, and keep nothing. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js'
import pb from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js'
import stubs from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_grpc_pb.js'
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiteProducer, openProducer, type RocketmqTls } from '../../core/log/rocketmq/client.node.ts'
import { certificate } from './listen-harness.ts'

let dir = ''
const servers: Server[] = []
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'meridian-proxy-'))
  certificate(dir, 'ca', 'Test CA')
  certificate(dir, 'proxy', 'localhost', 'ca')
  certificate(dir, 'other', 'elsewhere.example', 'ca')
})
afterAll(() => {
  for (const server of servers) server.forceShutdown()
  rmSync(dir, { recursive: true })
})

const file = (name: string): Buffer => readFileSync(join(dir, name))
const ca = (): RocketmqTls => ({ ca: file('ca.crt').toString() })

interface Proxy {
  readonly server: Server
  readonly port: number
  sent: number
}

/** Listens on loopback, with the certificate of that name if there is one. */
async function proxy(name?: string): Promise<Proxy> {
  const server = new Server()
  servers.push(server)
  const ok = new pb.Status().setCode(pb.Code.OK)
  const telemetry: UntypedHandleCall = (call: {
    on(event: 'data', heard: (command: service.TelemetryCommand) => void): void
    write(command: service.TelemetryCommand): void
  }) => call.on('data', command => call.write(command))
  const sendMessage: UntypedHandleCall = (
    _call: unknown,
    done: (error: null, answer: service.SendMessageResponse) => void,
  ) => {
    found.sent++
    const answer = new service.SendMessageResponse().setStatus(ok)
    answer.addEntries(new service.SendResultEntry().setStatus(ok))
    done(null, answer)
  }
  server.addService(stubs.MessagingServiceService, { telemetry, sendMessage })
  const pair = name === undefined ? undefined : { cert_chain: file(`${name}.crt`), private_key: file(`${name}.key`) }
  const credentials = pair ? ServerCredentials.createSsl(null, [pair]) : ServerCredentials.createInsecure()
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)))
  })
  const found: Proxy = { server, port, sent: 0 }
  return found
}

/** The producer, or the first thing it complains of. */
async function open(endpoint: string, tls?: RocketmqTls): Promise<{ producer?: LiteProducer; said?: string }> {
  const complaint = Promise.withResolvers<{ said: string }>()
  const log = { warn: (said: string) => complaint.resolve({ said }) }
  const opening = openProducer({ endpoint, log, ...(tls && { tls }) }, 'topic')
  const first = await Promise.race([opening.then(producer => ({ producer })), complaint.promise])
  if ('said' in first) opening.then(late => late.close()).catch(() => {})
  return first
}

describe('RocketMQ over TLS', () => {
  test('an authority of one’s own: both ways to the proxy accept its certificate', async () => {
    const one = await proxy('proxy')
    const { producer } = await open(`localhost:${one.port}`, ca())
    await producer!.send('lite', new Uint8Array([1]))
    producer!.close()
    expect(one.sent).toBe(1)
  })

  test('without it, and with the certificate of another host, it says why', async () => {
    const [one, other] = await Promise.all([proxy('proxy'), proxy('other')])
    expect((await open(`localhost:${one.port}`, {})).said).toMatch(/answers UNAVAILABLE: .*unable to verify the first/)
    expect((await open(`localhost:${other.port}`, ca())).said).toMatch(/answers UNAVAILABLE: .*elsewhere\.example/)
    expect([one.sent, other.sent]).toEqual([0, 0])
  })
})

describe('several proxies', () => {
  test('the first that can be reached is taken, whether named or numbered; the next one when it goes', async () => {
    const [gone, one, two] = await Promise.all([proxy(), proxy(), proxy()])
    gone.server.forceShutdown()
    const { producer } = await open(
      `no-such-host.invalid:1;127.0.0.1:${gone.port};localhost:${one.port};localhost:${two.port}`,
    )
    const send = () => producer!.send('lite', new Uint8Array([1]))
    await send()
    expect([one.sent, two.sent]).toEqual([1, 0])
    one.server.forceShutdown()
    // What was under way on the connection that broke may have arrived, so it is not sent again by itself.
    await expect
      .poll(() =>
        send()
          .catch(() => {})
          .then(() => two.sent),
      )
      .toBeGreaterThan(0)
    producer!.close()
  })

  test('over TLS the certificate of each may be of any of them, and of nobody else', async () => {
    const [one, other] = await Promise.all([proxy('proxy'), proxy('other')])
    const { producer } = await open(`no-such-host.invalid:1;localhost:${one.port}`, ca())
    producer!.close()
    const { said } = await open(`no-such-host.invalid:1;localhost:${other.port}`, ca())
    expect(said).toContain('elsewhere.example')
  })
})
