/** Reads a PROXY protocol header, v1 or v2, from the first bytes of a connection. A pure function: must not know sockets or time. */

/** No header may be longer: the 16 bytes and address block of v2 with room for its TLVs. */
export const MAX_PROXY_HEADER_BYTES = 536
const V1_MAX_BYTES = 107

/** Who the proxy says the peer is. */
export interface ProxiedPeer {
  readonly address: string
  readonly port: number
  /** Subject CN of a client certificate that the proxy has verified (v2 TLV 0x20), else undefined. */
  readonly certificateName: string | undefined
  /** The device speaks TLS with the proxy. */
  readonly secure: boolean
}

export type ProxyHeader =
  | { readonly is: 'more' }
  | { readonly is: 'bad'; readonly why: string }
  /** `length` bytes belong to the header; `peer` is undefined for LOCAL and UNKNOWN: the real peer counts. */
  | { readonly is: 'header'; readonly length: number; readonly peer: ProxiedPeer | undefined }

const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const V1_SIGNATURE = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]
const MORE: ProxyHeader = { is: 'more' }
const bad = (why: string): ProxyHeader => ({ is: 'bad', why })
const latin1 = new TextDecoder('latin1')
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Looks at what has arrived so far; ask again with more bytes after `more`. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < 16 ? MORE : parseV2(bytes)
  if (startsLike(bytes, V1_SIGNATURE)) return parseV1(bytes)
  return bad('The connection does not begin with a PROXY header')
}

function startsLike(bytes: Uint8Array, signature: readonly number[]): boolean {
  const n = Math.min(bytes.length, signature.length)
  for (let i = 0; i < n; i++) if (bytes[i] !== signature[i]) return false
  return true
}

function parseV1(bytes: Uint8Array): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf(0x0d)
  if (end < 0) return bytes.length >= V1_MAX_BYTES ? bad('PROXY v1 line has no end within 107 bytes') : MORE
  if (end + 1 === bytes.length) return MORE
  if (bytes[end + 1] !== 0x0a) return bad('PROXY v1 line does not end with CR LF')
  const line = latin1.decode(bytes.subarray(0, end))
  const words = line.split(' ')
  const length = end + 2
  if (words[1] === 'UNKNOWN') return { is: 'header', length, peer: undefined }
  const [, family, address = '', target = '', port = '', targetPort = ''] = words
  const valid = family === 'TCP4' ? isIpv4 : family === 'TCP6' ? isIpv6 : undefined
  if (valid === undefined || words.length !== 6) return bad(`PROXY v1 line '${line}' is not understood`)
  if (!valid(address) || !valid(target)) return bad(`PROXY v1 line '${line}' has a wrong address`)
  if (!isPort(port) || !isPort(targetPort)) return bad(`PROXY v1 line '${line}' has a wrong port`)
  return { is: 'header', length, peer: { address, port: Number(port), certificateName: undefined, secure: false } }
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535
const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every(part => Number(part) <= 255)

function isIpv6(text: string): boolean {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(':')) return false
  return URL.canParse(`http://[${text}]/`)
}

function parseV2(bytes: Uint8Array): ProxyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const versionCommand = view.getUint8(12)
  const family = view.getUint8(13) >> 4
  const length = 16 + view.getUint16(14)
  if (versionCommand >> 4 !== 2) return bad(`PROXY header has version ${versionCommand >> 4}; 1 and 2 are known`)
  const command = versionCommand & 0x0f
  if (command > 1) return bad(`PROXY v2 command ${command} is not known`)
  if (length > MAX_PROXY_HEADER_BYTES) return bad(`PROXY v2 header of ${length} bytes is too long`)
  if (bytes.length < length) return MORE
  if (command === 0) return { is: 'header', length, peer: undefined }
  const body = bytes.subarray(16, length)
  const addressBytes = [0, 12, 36, 216][family]
  if (addressBytes === undefined || body.length < addressBytes) return bad('PROXY v2 address block is not understood')
  const tls = readTls(body.subarray(addressBytes))
  if (tls === undefined) return bad('PROXY v2 TLVs are not understood')
  if (family === 0) return { is: 'header', length, peer: undefined }
  return { is: 'header', length, peer: { ...readAddress(view, family), ...tls } }
}

function readAddress(view: DataView, family: number): { address: string; port: number } {
  if (family === 3) return { address: 'unix', port: 0 }
  if (family === 1) {
    const parts = [16, 17, 18, 19].map(at => view.getUint8(at))
    return { address: parts.join('.'), port: view.getUint16(24) }
  }
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(16 + 2 * i).toString(16))
  return { address: new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1), port: view.getUint16(48) }
}

const TLV_SSL = 0x20
const TLV_SSL_CN = 0x22
const CLIENT_SSL = 0x01
const CLIENT_CERTIFICATE = 0x02 | 0x04

/** What the SSL TLV says; undefined if the TLVs do not add up. A name counts only if the proxy verified the certificate. */
function readTls(bytes: Uint8Array): Pick<ProxiedPeer, 'certificateName' | 'secure'> | undefined {
  const tlvs = readTlvs(bytes)
  if (tlvs === undefined) return undefined
  const ssl = tlvs.get(TLV_SSL)
  if (ssl === undefined) return { certificateName: undefined, secure: false }
  const inner = ssl.length >= 5 ? readTlvs(ssl.subarray(5)) : undefined
  if (inner === undefined) return undefined
  const client = ssl[0] as number
  const verified = ssl[1] === 0 && ssl[2] === 0 && ssl[3] === 0 && ssl[4] === 0
  const name = verified && (client & CLIENT_CERTIFICATE) !== 0 ? inner.get(TLV_SSL_CN) : undefined
  try {
    return {
      certificateName: name === undefined ? undefined : utf8.decode(name),
      secure: (client & CLIENT_SSL) !== 0,
    }
  } catch {
    return undefined
  }
}

/** Type → value of a run of TLVs; of a repeated type the first counts. */
function readTlvs(bytes: Uint8Array): Map<number, Uint8Array> | undefined {
  const found = new Map<number, Uint8Array>()
  let at = 0
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return undefined
    const type = bytes[at] as number
    const end = at + 3 + (((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number))
    if (end > bytes.length) return undefined
    if (!found.has(type)) found.set(type, bytes.subarray(at + 3, end))
    at = end
  }
  return found
}
