/** A command that was asked for wrongly: the text says what to write instead, the exit status is 2. */

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Of what `parseArgs` throws: its first sentence, without the advice behind it, and the usage. */
export const wrongFlag = (error: unknown, usage: string): UsageError =>
  new UsageError(`${(error instanceof Error ? error.message : String(error)).split('. ')[0]}\n${usage}`)
