/** What a normative statement is to the tests, and the words the lists are written in. No list and no scanning here. */

/** Whom a statement binds; `both` binds the server as well. */
export type Side = 'server' | 'client' | 'both'

export interface Statement {
  /** As cited: `MQTT-x.y.z-n` for 5.0, `MQTT3-x.y.z-n` for 3.1.1. */
  readonly id: string
  readonly side: Side
  /** What it asks for, in short; the standard itself has the words that count. */
  readonly says: string
  /** Why no test can show it, if none can. */
  readonly untestable: string | undefined
}

type Entry = (number: string, says: string, untestable?: string) => Statement

/** The three words of one standard's list. */
export function words(prefix: string): { readonly server: Entry; readonly client: Entry; readonly both: Entry } {
  const entry =
    (side: Side): Entry =>
    (number, says, untestable) => ({ id: `${prefix}-${number}`, side, says, untestable })
  return { server: entry('server'), client: entry('client'), both: entry('both') }
}
