/** MQTT over TCP on Deno: its node:net serves the same listener. */
export { type Listener, type ListenOptions, listenTcp } from './tcp.node.ts'
