/** `/drain`: whoever has the admin token sends the clients of this edge elsewhere (POST), looks how far that is (GET), or takes it back (DELETE). Sends nobody away itself. */
import type { Context, Hono } from 'hono'
import { sameToken } from '../../core/contract/link/hello.ts'

export interface DrainControl {
  /** This edge takes nobody in. */
  readonly on: boolean
  /** Devices that are connected. */
  readonly clients: number
  /** `moved`: they are told that it is for good. */
  begin(moved: boolean): void
  /** False: the process ends, so that it cannot be taken back. */
  undo(): boolean
}

export interface Admin {
  /** What callers show as `Authorization: Bearer …`. */
  readonly token: string
  readonly drain: DrainControl
}

export function routeDrain(app: Hono, { token, drain }: Admin): void {
  const state = (c: Context, status: 200 | 202 | 409): Response =>
    c.json({ draining: drain.on, clients: drain.clients }, status, { 'cache-control': 'no-store' })
  app.use('/drain', async (c, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    if (!sameToken(given, token))
      return c.text('The admin token is missing or not right\n', 401, { 'www-authenticate': 'Bearer' })
    return next()
  })
  app.get('/drain', c => state(c, 200))
  app.post('/drain', c => {
    const moved = c.req.query('moved') ?? 'false'
    if (moved !== 'true' && moved !== 'false')
      return c.text(`Parameter moved is '${moved}'; allowed: true, false\n`, 400)
    drain.begin(moved === 'true')
    return state(c, 202)
  })
  app.delete('/drain', c => state(c, drain.undo() ? 200 : 409))
}
