/** Every conversation over WebSocket against the Deno build. */
import { conversations } from './suite.ts'

conversations({ runtime: 'deno', transport: 'ws' })
