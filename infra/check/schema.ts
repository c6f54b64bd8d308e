/** The shape of a provider's schema as `provider/main.go` reads it. */

/** A type as Terraform writes it in JSON: `"string"`, `["list", "string"]`. */
export type AttributeType = string | readonly [string, AttributeType]

export interface Attribute {
  readonly type: AttributeType
  readonly required?: boolean
  readonly optional?: boolean
  readonly computed?: boolean
  readonly sensitive?: boolean
  readonly writeOnly?: boolean
}

export interface Block {
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly blocks: Readonly<Record<string, Block>>
  readonly required?: boolean
  /** At most one of it. */
  readonly single?: boolean
}

export interface Schema {
  /** As `registry.terraform.io/hashicorp/aws`. */
  readonly address: string
  readonly provider: Block
  readonly resources: Readonly<Record<string, Block>>
  readonly data: Readonly<Record<string, Block>>
}
