/** Every conversation over TCP against the Node build. */
import { conversations } from './suite.ts'

conversations({ runtime: 'node', transport: 'tcp' })
