/** Builds PROXY v2 headers for tests. */
export interface V2 {
  /** Version and command, default PROXY of version 2. */
  readonly command?: number
  /** Family and protocol, default TCP over IPv4. */
  readonly family?: number
  readonly address: readonly number[]
  readonly tlvs?: readonly number[]
}

export function v2({ command = 0x21, family = 0x11, address, tlvs = [] }: V2): Uint8Array {
  const length = address.length + tlvs.length
  const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  return new Uint8Array([...signature, command, family, length >> 8, length & 255, ...address, ...tlvs])
}
