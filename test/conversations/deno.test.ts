/** Every conversation over TCP against the Deno build. */
import { conversations } from './suite.ts'

conversations({ runtime: 'deno', transport: 'tcp' })
