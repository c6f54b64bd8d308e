/** mosquitto_pub and mosquitto_sub against the Deno build. */
import { mosquitto } from './mosquitto.ts'

mosquitto('deno')
