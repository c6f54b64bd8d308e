#!/usr/bin/env node
/** The REST proxy as a program: `main.node.ts --redis redis://host:port --port N [--host H]`, the token in REDIS_REST_TOKEN. */
import { parseArgs } from 'node:util'
import { serve } from '@hono/node-server'
import { restApp } from './app.ts'
import { connectRedis } from './redis.ts'

const { values } = parseArgs({
  options: {
    redis: { type: 'string', default: 'redis://127.0.0.1:6379' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8079' },
  },
})
const token = process.env.REDIS_REST_TOKEN
if (token === undefined || token === '') {
  console.error('REDIS_REST_TOKEN is not set: it is the token that clients have to give')
  process.exit(2)
}

let lastProblem = ''
const redis = connectRedis(values.redis, error => {
  if (error.message === lastProblem) return
  lastProblem = error.message
  console.error(`Redis: ${error.message}`)
})
const server = serve(
  { fetch: restApp(redis, { token }).fetch, hostname: values.host, port: Number(values.port) },
  ({ port }) => console.log(`Redis over REST at http://${values.host}:${port}`),
)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close(() => redis.close())
    if ('closeIdleConnections' in server) server.closeIdleConnections()
    setTimeout(() => process.exit(0), 2_000).unref()
  })
}
