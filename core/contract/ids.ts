/** Branded names, so that a filter is never passed where a topic is wanted. Owns no behaviour beyond building keys. */

declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Letters, digits, `-` and `_`; the default tenant is the empty string. */
export type Tenant = Brand<string, 'Tenant'>
export type ClientId = Brand<string, 'ClientId'>
/** `tenant:clientId`. A tenant has no colon, so the first colon separates the two. */
export type ClientKey = Brand<string, 'ClientKey'>
/** A topic without wildcards that passed `core/topic` validation. */
export type TopicName = Brand<string, 'TopicName'>
/** A topic filter that passed `core/topic` validation; may start with `$share/{group}/`. */
export type TopicFilter = Brand<string, 'TopicFilter'>
/** One life of one edge process: a restarted edge has another incarnation. */
export type Incarnation = Brand<string, 'Incarnation'>

export const DEFAULT_TENANT = '' as Tenant
/** Of the client ids by which sites are clients of each other. No device may have one. */
export const SITE_PREFIX = '$site/'
/** The sender of messages the gateway publishes itself. */
export const NO_CLIENT = '' as ClientKey

export const clientKey = (tenant: Tenant, id: ClientId | string): ClientKey => `${tenant}:${id}` as ClientKey
export const tenantOf = (key: ClientKey): Tenant => key.slice(0, key.indexOf(':')) as Tenant
export const clientIdOf = (key: ClientKey): ClientId => key.slice(key.indexOf(':') + 1) as ClientId
