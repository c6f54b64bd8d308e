/** The state in Redis for the contract suite: each box is a site of its own. */
import type { State } from '../../core/state/port.ts'
import type { Driver } from '../../core/state/redis/driver.ts'
import { type DriverName, Holder, type Servers } from '../integration/redis/servers.ts'

export interface StateBox {
  readonly state: State
  /** Opens it again; what was not committed may be gone. */
  reopen(): void | Promise<void>
  dispose(): void
}

let boxes = 0

export class RedisBox implements StateBox {
  state!: State
  readonly #driver: Driver
  readonly #site = `box-${++boxes}`

  static async open(servers: Servers, driver: DriverName): Promise<RedisBox> {
    const box = new RedisBox(await servers.open(driver))
    await box.reopen()
    return box
  }

  private constructor(driver: Driver) {
    this.#driver = driver
  }

  async reopen(): Promise<void> {
    this.state = (await Holder.take(this.#driver, this.#site)).state
  }

  dispose(): void {
    this.#driver.close()
  }
}
