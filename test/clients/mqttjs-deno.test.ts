/** MQTT.js over TCP and WebSocket against the Deno build. */
import { mqttjs } from './mqttjs.ts'

mqttjs('deno')
