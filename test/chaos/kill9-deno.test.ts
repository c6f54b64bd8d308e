/** kill -9 under load against the Deno build. */
import { kill9 } from './kill9.ts'

kill9('deno')
