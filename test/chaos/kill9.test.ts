/** kill -9 under load against the Node build. */
import { kill9 } from './kill9.ts'

kill9('node')
