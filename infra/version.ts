/** The version of this build. The bundler puts it in; a run from the sources has none. */
declare const MERIDIAN_VERSION: string | undefined

export const VERSION: string = typeof MERIDIAN_VERSION === 'string' ? MERIDIAN_VERSION : '0.0.0-source'
