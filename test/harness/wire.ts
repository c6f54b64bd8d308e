/** A network for links without sockets: messages arrive one at a time and when the test says so; connections can be cut, or fall silent. */
import type { LinkConnector, LinkSocketEvents, LinkTransport } from '../../core/contract/link/transport.ts'

type Accept = (transport: LinkTransport) => LinkSocketEvents

class End implements LinkTransport {
  readonly wire: Wire
  events: LinkSocketEvents | undefined
  /** On their way to this end. */
  coming: Uint8Array[] = []
  other!: End
  told = false

  constructor(wire: Wire) {
    this.wire = wire
  }

  send(bytes: Uint8Array): void {
    if (this.wire.open && !this.wire.silent) this.other.coming.push(bytes.slice())
  }

  close(): void {
    this.wire.closing = true
  }

  get bufferedBytes(): number {
    return this.other.coming.reduce((sum, bytes) => sum + bytes.length, 0)
  }
}

/** One connection. */
export class Wire {
  open = true
  /** Nothing arrives, and nobody is told. */
  silent = false
  /** One end has closed: what is on its way still arrives, then both are told. */
  closing = false
  readonly edge = new End(this)
  readonly core = new End(this)
  opened: (() => void) | undefined

  constructor() {
    this.edge.other = this.core
    this.core.other = this.edge
  }

  get busy(): boolean {
    return this.open && !this.silent && (this.closing || this.opened !== undefined || this.#coming)
  }

  get #coming(): boolean {
    return this.edge.coming.length + this.core.coming.length > 0
  }

  /** One message in each direction. */
  step(): void {
    if (!this.open || this.silent) return
    const opened = this.opened
    this.opened = undefined
    opened?.()
    for (const end of [this.core, this.edge]) {
      const bytes = end.coming.shift()
      if (bytes !== undefined && this.open) end.events?.message(bytes)
    }
    if (this.closing && !this.#coming) this.cut('Closed')
  }

  /** What is on its way is lost. `who` is told now; the other end never, as after a power cut. */
  cut(detail: string, who: 'both' | 'edge' | 'core' = 'both'): void {
    this.open = false
    this.edge.coming = []
    this.core.coming = []
    if (who !== 'core') this.#tell(this.edge, detail)
    if (who !== 'edge') this.#tell(this.core, detail)
  }

  #tell(end: End, detail: string): void {
    if (end.told) return
    end.told = true
    end.events?.closed(detail)
  }
}

export class Network {
  readonly wires = new Set<Wire>()
  /** By URL: who listens there. */
  readonly listeners = new Map<string, Accept>()
  /** Connections are refused. */
  down = false

  readonly connect: LinkConnector = (url, opened, events) => {
    const wire = new Wire()
    this.wires.add(wire)
    wire.edge.events = events
    wire.opened = () => {
      const accept = this.listeners.get(url)
      if (accept === undefined || this.down) return wire.cut('Connection refused')
      wire.core.events = accept(wire.core)
      opened()
    }
    return wire.edge
  }

  /** One step of every connection. False if nothing moved. */
  step(): boolean {
    let moved = false
    for (const wire of [...this.wires]) {
      if (wire.busy) {
        moved = true
        wire.step()
      }
      if (!wire.open) this.wires.delete(wire)
    }
    return moved
  }
}
