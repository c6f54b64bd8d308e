/** Begins TLS handshakes a few per turn of the loop: a storm of them delays those who connect, not those who are connected. Must not know TLS. */
import type { Socket } from 'node:net'

/** A handshake is some 0.3 ms (ECDSA) to 1 ms (RSA) of work that nothing interrupts. */
const PER_TURN = 8

/** Why a peer without a first byte is closed, for the log. */
export const SILENT = 'Nothing came in time'

export class HandshakeLine {
  readonly #timeoutMs: number
  readonly #onSilent: (socket: Socket) => void
  #line: (() => void)[] = []
  #scheduled = false

  /** A peer that has said nothing within `timeoutMs` is told to `onSilent`, and closed. */
  constructor(timeoutMs: number, onSilent: (socket: Socket) => void) {
    this.#timeoutMs = timeoutMs
    this.#onSilent = onSilent
  }

  /**
   * Calls `next` when the first bytes are there and it is the socket's turn; they are left unread. Never if the socket
   * closes before. As many wait as sockets are open.
   */
  admit(socket: Socket, next: () => void): void {
    const timer = setTimeout(() => {
      this.#onSilent(socket)
      socket.destroy()
    }, this.#timeoutMs)
    const over = (): void => clearTimeout(timer)
    const ready = (): void => {
      over()
      socket.off('close', over)
      this.#join(() => {
        if (!socket.destroyed) next()
      })
    }
    socket.once('close', over)
    socket.once('readable', ready)
  }

  #join(begin: () => void): void {
    this.#line.push(begin)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    const now = this.#line.splice(0, PER_TURN)
    for (const begin of now) begin()
    if (this.#line.length > 0) this.#schedule()
  }
}
