/** mosquitto_pub and mosquitto_sub against the Node build. */
import { mosquitto } from './mosquitto.ts'

mosquitto('node')
