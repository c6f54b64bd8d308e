/** Every conversation over WebSocket against the Node build. */
import { conversations } from './suite.ts'

conversations({ runtime: 'node', transport: 'ws' })
