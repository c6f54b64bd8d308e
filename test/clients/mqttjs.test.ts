/** MQTT.js over TCP and WebSocket against the Node build. */
import { mqttjs } from './mqttjs.ts'

mqttjs('node')
