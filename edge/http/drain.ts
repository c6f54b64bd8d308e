/** `/drain`: whoever has the admin token sends the clients of this edge elsewhere (POST), looks how far that is (GET), or takes it back (DELETE). Sends nobody away itself. */
import type { Context, Hono } from 'hono'
import { sameToken } from '../../core/contract/link/hello.ts'

/** `moved`: clients are told that it is for good. */
export type DrainOrder = { readonly do: 'look' | 'undo' } | { readonly do: 'begin'; readonly moved: boolean }

export interface DrainState {
  /** This edge takes nobody in. It is so after `undo` too if the process ends. */
  readonly draining: boolean
  /** Devices that are connected. */
  readonly clients: number
}

/** Does it, and says how it is now. */
export type Obey = (order: DrainOrder) => DrainState | Promise<DrainState>

export interface Admin {
  /** What callers show as `Authorization: Bearer …`. */
  readonly token: string
  readonly drain: Obey
}

export function routeDrain(app: Hono, { token, drain }: Admin): void {
  const state = (c: Context, { draining, clients }: DrainState, status: 200 | 202 | 409): Response =>
    c.json({ draining, clients }, status, { 'cache-control': 'no-store' })
  app.use('/drain', async (c, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    if (!sameToken(given, token))
      return c.text('The admin token is missing or not right\n', 401, { 'www-authenticate': 'Bearer' })
    return next()
  })
  app.get('/drain', async c => state(c, await drain({ do: 'look' }), 200))
  app.post('/drain', async c => {
    const moved = c.req.query('moved') ?? 'false'
    if (moved !== 'true' && moved !== 'false')
      return c.text(`Parameter moved is '${moved}'; allowed: true, false\n`, 400)
    return state(c, await drain({ do: 'begin', moved: moved === 'true' }), 202)
  })
  app.delete('/drain', async c => {
    const now = await drain({ do: 'undo' })
    return state(c, now, now.draining ? 409 : 200)
  })
}
