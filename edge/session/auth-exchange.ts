/** Enhanced authentication [MQTT5 4.12]: the AUTH packets between CONNECT and CONNACK, and re-authentication of an open session. The methods are plugged in (`edge/auth`). */
import type { EnhancedExchange, EnhancedMethod, EnhancedStep } from '../auth/ports.ts'
import type { EdgeContext } from '../context.ts'
import { authFrame } from '../wire/encode.ts'
import type { Auth, Connect } from '../wire/packets.ts'
import { Reason } from '../wire/reason.ts'
import { type Connection, Phase } from './connection.ts'

type Accepted = Extract<EnhancedStep, { do: 'accept' }>

export interface AuthExchange {
  readonly method: EnhancedMethod
  readonly connect: Connect
  /** The exchange under way; undefined between one and the next. */
  running: EnhancedExchange | undefined
  /** A step is being worked on: no AUTH may come now. */
  busy: boolean
  accepted: (step: Accepted) => void
}

/** Starts the exchange that CONNECT asks for; `accepted` goes on with CONNECT. */
export function beginExchange(
  ctx: EdgeContext,
  connection: Connection,
  connect: Connect,
  accepted: (step: Accepted) => void,
): void {
  const method = ctx.auth.enhanced.find(m => m.method === connect.authenticationMethod)
  if (method === undefined)
    // [MQTT-4.12.0-1]
    return connection.refuse(
      Reason.BadAuthenticationMethod,
      `Authentication method '${connect.authenticationMethod}' is not offered`,
    )
  const running = method.begin(connect, connection.transport.peer, false)
  connection.exchange = { method, connect, running, busy: false, accepted }
  step(connection, connection.exchange, connect.authenticationData)
}

export function authPacket(connection: Connection, packet: Auth): void {
  const exchange = connection.exchange
  if (exchange === undefined || exchange.busy)
    return connection.close(Reason.ProtocolError, 'AUTH without an exchange to belong to')
  if (packet.method !== exchange.method.method)
    // [MQTT-4.12.0-5], [MQTT-4.12.1-1]
    return connection.close(Reason.ProtocolError, 'AUTH names another authentication method than CONNECT')
  if (packet.reason === Reason.ReAuthenticate && connection.phase === Phase.Open && exchange.running === undefined) {
    exchange.running = exchange.method.begin(exchange.connect, connection.transport.peer, true)
    exchange.accepted = accepted => {
      const { username, tenant } = connection.session!.identity
      if (accepted.username !== username || accepted.tenant !== tenant)
        return connection.close(Reason.NotAuthorized, 'Re-authentication as another user')
      connection.send(authFrame(Reason.Success, exchange.method.method, accepted.data))
    }
  } else if (packet.reason !== Reason.ContinueAuthentication || exchange.running === undefined)
    return connection.close(Reason.ProtocolError, `AUTH with reason 0x${packet.reason.toString(16)} does not fit here`)
  step(connection, exchange, packet.data)
}

function step(connection: Connection, exchange: AuthExchange, received: Uint8Array | undefined): void {
  // Until the next AUTH is due, or CONNACK is out, the device need not be heard.
  if (connection.phase === Phase.Connecting) connection.transport.pause()
  const failed = (error: unknown): EnhancedStep => ({
    do: 'refuse',
    reason: Reason.ServerUnavailable,
    detail: String(error),
  })
  let next: EnhancedStep | Promise<EnhancedStep>
  try {
    next = exchange.running!.next(received)
  } catch (error) {
    next = failed(error)
  }
  if (!(next instanceof Promise)) return take(connection, exchange, next)
  exchange.busy = true
  next.catch(failed).then(result => {
    exchange.busy = false
    if (connection.exchange === exchange) connection.guard(() => take(connection, exchange, result))
  })
}

function take(connection: Connection, exchange: AuthExchange, next: EnhancedStep): void {
  if (next.do === 'continue') {
    connection.send(authFrame(Reason.ContinueAuthentication, exchange.method.method, next.data))
    if (connection.phase === Phase.Connecting) connection.transport.resume()
    return
  }
  exchange.running = undefined
  if (next.do === 'accept') return exchange.accepted(next)
  if (connection.phase === Phase.Open) connection.close(next.reason, next.detail)
  else connection.refuse(next.reason, next.detail)
}
