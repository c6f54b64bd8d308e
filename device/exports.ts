/** The names that every entry of the SDK exports beside `connect`. */
export { Device, type DeviceStats, type PublishOptions } from './device.ts'
export { DeviceError, type DeviceErrorCode } from './error.ts'
export type { DeviceEvents, Incoming, Listener, MoveReason, Warning, WarningCode } from './events.ts'
export { DEFAULT_LIMITS, type DeviceLimits } from './limits.ts'
export type { MessageProperties, QoS } from './message.ts'
export type { ConnectProperties, MqttOptions, Pem, Will } from './mqtt-options.ts'
export type { ConnectOptions, EndpointOption } from './options.ts'
export type { SubscribeOptions } from './subscriptions.ts'
