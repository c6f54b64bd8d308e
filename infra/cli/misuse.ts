/** A command that was asked for wrongly: the text says what to write instead, the exit status is 2. */

export class UsageError extends Error {
  override readonly name = 'UsageError'
}
