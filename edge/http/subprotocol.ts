/** Which WebSocket subprotocol is spoken. A pure choice: must not know requests or sockets. */

/** `mqtt` is the standard's name [MQTT-6.0.0-3], `mqttv3.1` what clients used before it. */
const KNOWN: readonly string[] = ['mqtt', 'mqttv3.1']

/** The first offered name that is known, or undefined: the handshake is refused [MQTT-6.0.0-4]. */
export function chooseSubprotocol(offered: Iterable<string>): string | undefined {
  for (const name of offered) if (KNOWN.includes(name)) return name
  return undefined
}

/** The names of a `Sec-WebSocket-Protocol` header. */
export const offeredSubprotocols = (header: string | undefined): string[] =>
  (header ?? '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
