/** The first message of each end of a link, as JSON: who is there, which version is spoken, where to go on. Owns its shape and the comparison of tokens; opens nothing. */

/** Both ends must speak the same. */
export const LINK_VERSION = 5

/** The edge speaks first. */
export interface Hello {
  readonly is: 'hello'
  readonly version: number
  readonly edge: string
  readonly region: string
  /** One life of the edge's process. */
  readonly incarnation: string
  /** One link session: frames are numbered within it. Another one means that the edge has begun anew. */
  readonly session: string
  readonly token: string
  /** Number of the last frame it has from the core. */
  readonly received: number
  /** It only asks who is there: the answer is the same, nothing begins, and the connection ends. */
  readonly probe: boolean
  /** The site whose core it is, a peer, and the site that it means to link to; '' for an edge. */
  readonly site: string
  readonly to: string
  /** Of a peer: a core of its site that becomes active later has a higher one. 0: an edge, or a core that does not say. */
  readonly term: number
}

export interface Welcome {
  readonly is: 'welcome'
  readonly version: number
  readonly core: string
  readonly site: string
  readonly incarnation: string
  /** false: the core knows nothing of this link session, and it begins now. */
  readonly resumed: boolean
  /** Number of the last frame it has from the edge. */
  readonly received: number
}

export interface Refused {
  readonly is: 'refused'
  readonly version: number
  /** `standby`: another core is active, or none yet. */
  readonly why: 'token' | 'version' | 'standby' | 'full' | 'site' | 'malformed'
  /** Of the core; '' if it speaks another version and does not say. */
  readonly site: string
  readonly detail: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const MAX_HELLO_BYTES = 4096
const MAX_TEXT = 1024

export const encodeHello = (message: Hello | Welcome | Refused): Uint8Array => encoder.encode(JSON.stringify(message))

/** Throws RangeError if it is no HELLO. Of another version only `version` is looked at. */
export function decodeHello(bytes: Uint8Array): Hello {
  const fields = parse(bytes, 'hello')
  if (fields.version !== LINK_VERSION) return { ...EMPTY, version: number(fields, 'version') }
  return {
    is: 'hello',
    version: LINK_VERSION,
    edge: text(fields, 'edge'),
    region: text(fields, 'region'),
    incarnation: text(fields, 'incarnation'),
    session: text(fields, 'session'),
    token: text(fields, 'token'),
    received: number(fields, 'received'),
    probe: fields.probe === true,
    site: text(fields, 'site'),
    to: text(fields, 'to'),
    term: fields.term === undefined ? 0 : number(fields, 'term'),
  }
}

/** Throws RangeError if it is neither WELCOME nor REFUSED of this version. */
export function decodeAnswer(bytes: Uint8Array): Welcome | Refused {
  const fields = parse(bytes, 'welcome', 'refused')
  const version = number(fields, 'version')
  if (fields.is === 'refused') {
    const why = (['token', 'version', 'standby', 'full', 'site'] as const).find(w => w === fields.why) ?? 'malformed'
    const site = version === LINK_VERSION ? text(fields, 'site') : ''
    return { is: 'refused', version, why, site, detail: text(fields, 'detail') }
  }
  if (version !== LINK_VERSION) throw new RangeError(`Core speaks version ${version} of the link, not ${LINK_VERSION}`)
  return {
    is: 'welcome',
    version,
    core: text(fields, 'core'),
    site: text(fields, 'site'),
    incarnation: text(fields, 'incarnation'),
    resumed: fields.resumed === true,
    received: number(fields, 'received'),
  }
}

const EMPTY: Hello = {
  is: 'hello',
  version: 0,
  edge: '',
  region: '',
  incarnation: '',
  session: '',
  token: '',
  received: 0,
  probe: false,
  site: '',
  to: '',
  term: 0,
}

type Fields = Readonly<Record<string, unknown>>

function parse(bytes: Uint8Array, ...kinds: readonly string[]): Fields {
  if (bytes.length > MAX_HELLO_BYTES) throw new RangeError(`First message of a link has ${bytes.length} bytes`)
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch {
    throw new RangeError('First message of a link is no JSON')
  }
  if (typeof value !== 'object' || value === null || !kinds.includes((value as Fields).is as string))
    throw new RangeError(`First message of a link is no ${kinds.join(' or ')}`)
  return value as Fields
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > MAX_TEXT)
    throw new RangeError(`Field '${name}' of the first message of a link is no text of at most ${MAX_TEXT} letters`)
  return value
}

function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new RangeError(`Field '${name}' of the first message of a link is no whole number`)
  return value as number
}

/** Takes the same time for every `given` of one length, whatever of it is right. */
export function sameToken(given: string, expected: string): boolean {
  const a = encoder.encode(given)
  const b = encoder.encode(expected)
  let different = a.length ^ b.length
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ (b.length === 0 ? 1 : b[i % b.length]!)
  return different === 0
}
