/** What a REST request asks of Redis: the words of one command, from a JSON array or from a path. Runs nothing. */

/** Name, in capitals, and arguments. */
export type Command = readonly [string, ...string[]]

/** The request is wrong: HTTP 400 with this text. */
export class BadRequest extends Error {}

/** They change or block the one connection that all requests share. */
const NEEDS_OWN_CONNECTION = new Set(
  'AUTH BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT DISCARD EXEC HELLO MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT READONLY READWRITE RESET SELECT SHUTDOWN SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC UNSUBSCRIBE UNWATCH WAIT WAITAOF WATCH'.split(
    ' ',
  ),
)

/** @throws BadRequest */
export function commandOf(value: unknown): Command {
  if (!Array.isArray(value) || value.length === 0) throw new BadRequest('ERR A command is a JSON array of words')
  const [name, ...rest] = value.map(word)
  return checked([name!, ...rest])
}

/** @throws BadRequest */
export function commandsOf(value: unknown): Command[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new BadRequest('ERR Commands are a JSON array of JSON arrays of words')
  }
  return value.map(commandOf)
}

/** `/set/key/value?EX=10`, and a body as the last word before the query. @throws BadRequest */
export function commandOfPath(path: string, query: URLSearchParams, body: string): Command {
  const words = path.split('/').filter((segment, index) => index > 0 || segment !== '')
  const [name = '', ...rest] = words.map(unescaped)
  if (body !== '') rest.push(body)
  for (const [key, value] of query) {
    if (key === '_token') continue
    rest.push(key)
    if (value !== '') rest.push(value)
  }
  if (name === '') throw new BadRequest('ERR The path names no command')
  return checked([name, ...rest])
}

function checked(command: Command): Command {
  const [name, ...rest] = command
  const upper = name.toUpperCase()
  const blocks = (upper === 'XREAD' || upper === 'XREADGROUP') && rest.some(one => one.toUpperCase() === 'BLOCK')
  if (NEEDS_OWN_CONNECTION.has(upper) || blocks) {
    throw new BadRequest(`ERR Command '${name}' needs a connection of its own and is not available over REST`)
  }
  return [upper, ...rest]
}

function word(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) throw new BadRequest('ERR A word of a command is null')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function unescaped(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new BadRequest(`ERR Path segment '${segment}' is not percent-encoded UTF-8`)
  }
}
