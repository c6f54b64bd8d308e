/** A TCP relay that can be cut: stands between an edge and a core, so that a test can part them. Looks at no bytes. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

type Pairs = Set<readonly [Socket, Socket]>
interface State {
  cut: 'no' | 'silence' | 'reset'
}

export class Relay {
  readonly port: number
  readonly #server: Server
  readonly #pairs: Pairs
  readonly #state: State

  private constructor(port: number, server: Server, pairs: Pairs, state: State) {
    this.port = port
    this.#server = server
    this.#pairs = pairs
    this.#state = state
  }

  /** Listens on a free port of the loopback address. */
  static async to(target: number): Promise<Relay> {
    const pairs: Pairs = new Set()
    const state: State = { cut: 'no' }
    const server = createServer({ noDelay: true }, near => {
      near.on('error', () => near.destroy())
      if (state.cut === 'reset') return void near.resetAndDestroy()
      const far = connect({ host: '127.0.0.1', port: target, noDelay: true })
      far.on('error', () => far.destroy())
      const pair = [near, far] as const
      pairs.add(pair)
      for (const [from, to] of [pair, [far, near]] as const) {
        from.on('data', chunk => {
          if (to.write(chunk)) return
          from.pause()
          to.once('drain', () => state.cut === 'no' && from.resume())
        })
        from.on('close', () => {
          pairs.delete(pair)
          // In silence not even the end of the other side is heard.
          if (state.cut !== 'silence') to.destroy()
        })
        if (state.cut === 'silence') from.pause()
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return new Relay(typeof address === 'object' && address !== null ? address.port : 0, server, pairs, state)
  }

  /** `silence`: nothing passes and nobody is told, as when a cable is pulled; `reset`: connections end and new ones are refused. */
  cut(how: 'silence' | 'reset'): void {
    this.#state.cut = how
    for (const [near, far] of this.#pairs) {
      for (const socket of [near, far]) {
        if (how === 'reset') socket.resetAndDestroy()
        else socket.pause()
      }
    }
  }

  /** What waited in silence passes now. */
  heal(): void {
    this.#state.cut = 'no'
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  close(): void {
    this.cut('reset')
    this.#server.close()
  }
}
