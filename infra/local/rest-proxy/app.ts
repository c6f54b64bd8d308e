/** The REST interface of Upstash Redis in front of any Redis server: authorisation, requests, answers. Keeps nothing. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { BadRequest, type Command, commandOf, commandOfPath, commandsOf } from './command.ts'
import { type Outcome, type Runner, Unavailable } from './redis.ts'
import { jsonReply } from './reply.ts'

export interface RestSettings {
  /** What `Authorization: Bearer` has to give. */
  readonly token: string
  /** Default 10 MiB, as Upstash has it. */
  readonly maxBodyBytes?: number
}

/** @see https://upstash.com/docs/redis/features/restapi */
export function restApp(redis: Runner, { token, maxBodyBytes = 10 * 1024 * 1024 }: RestSettings): Hono {
  const app = new Hono()
  const wanted = digest(token)
  app.use(async (c, next) => {
    const given = c.req.header('authorization')?.match(/^Bearer +(.+)$/i)?.[1] ?? c.req.query('_token') ?? ''
    if (!timingSafeEqual(digest(given), wanted)) return c.json({ error: 'WRONGPASS Invalid or missing token' }, 401)
    return next()
  })
  const onError = (c: Context) => c.json({ error: `ERR The body has more than ${maxBodyBytes} bytes` }, 413)
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError }))

  app.post('/', async c => one(c, commandOf(await json(c))))
  app.post('/pipeline', async c => {
    const outcomes = await redis.run(commandsOf(await json(c)))
    return c.json(outcomes.map(outcome => shown(c, outcome)))
  })
  app.post('/multi-exec', async c => {
    const outcomes = await redis.runAtOnce(commandsOf(await json(c)))
    return 'error' in outcomes ? c.json(outcomes, 400) : c.json(outcomes.map(outcome => shown(c, outcome)))
  })
  app.on(['GET', 'POST', 'PUT', 'HEAD'], '/*', async c => {
    const { pathname, searchParams } = new URL(c.req.url)
    return one(c, commandOfPath(pathname, searchParams, await c.req.text()))
  })
  app.onError((error, c) => {
    if (error instanceof BadRequest) return c.json({ error: error.message }, 400)
    if (error instanceof Unavailable) return c.json({ error: error.message }, 503)
    throw error
  })

  async function one(c: Context, command: Command) {
    const [outcome] = await redis.run([command])
    const answer = shown(c, outcome!)
    return c.json(answer, 'error' in answer ? 400 : 200)
  }
  return app
}

const shown = (c: Context, outcome: Outcome) =>
  'error' in outcome
    ? outcome
    : { result: jsonReply(outcome.reply, c.req.header('upstash-encoding')?.toLowerCase() === 'base64') }

const digest = (token: string): Buffer => createHash('sha256').update(token).digest()

async function json(c: Context): Promise<unknown> {
  try {
    return await c.req.json()
  } catch {
    throw new BadRequest('ERR The body is not JSON')
  }
}
