/** The names of all keys; README.md says what each holds and why it goes away. Reads and writes none. */

const PREFIX = 'meridian:'

/** What comes before and after a member of an index in the key that belongs to it. */
export interface KeyForm {
  readonly before: string
  readonly after: string
}

/** Of one site, but for `owner`, which all sites share. */
export class Keys {
  readonly lease: string
  readonly sessions: string
  readonly session: KeyForm
  readonly wills: string
  readonly retained: string
  readonly retainedMessage: KeyForm
  readonly wals: string
  readonly owed: string
  readonly owner: KeyForm
  /** Of a site the key `owed`. */
  readonly owedOf: KeyForm
  readonly taken: string
  /** Of a site the key `taken`. */
  readonly takenOf: KeyForm
  readonly #prefix: string

  /** `site`: letters, digits, `-`, `_`. `prefix`: before every key; installations that share one Redis have different ones. */
  constructor(site: string, prefix = PREFIX) {
    const own = `${prefix}${site}:`
    this.#prefix = prefix
    this.lease = `${own}lease`
    this.sessions = `${own}sessions`
    this.session = { before: `${own}session:{`, after: '}' }
    this.wills = `${own}wills`
    this.retained = `${own}retained`
    this.retainedMessage = { before: `${own}retained:`, after: '' }
    this.wals = `${own}wals`
    this.owedOf = { before: prefix, after: ':owed' }
    this.owed = keyOf(this.owedOf, site)
    this.takenOf = { before: prefix, after: ':taken' }
    this.taken = keyOf(this.takenOf, site)
    this.owner = { before: `${prefix}owner:{`, after: '}' }
  }

  /** Of another site. */
  of(site: string): Keys {
    return new Keys(site, this.#prefix)
  }
}

export const keyOf = ({ before, after }: KeyForm, member: string): string => `${before}${member}${after}`
