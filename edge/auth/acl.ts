/**
 * The ACL: who may publish, subscribe and receive what. Parses its text and answers; opens no file.
 *
 *     # allow|deny  who  publish|subscribe|receive|all  pattern; the first line that fits decides
 *     deny   *                publish    factory/+/emergency
 *     allow  user "line boss" all        factory/#
 *     allow  client press-7   publish    factory/press/%c/state
 *     allow  anonymous        subscribe  public/#
 *     allow  *                all        devices/%u/#
 *     default deny
 *
 * - who: `*` everybody, `user NAME`, `client ID`, `anonymous` (no verified user name). Names with spaces stand in double quotes.
 * - pattern: a topic filter; `%c` is the client id, `%u` the user name. A value with `+`, `#` or `/`, or one that begins
 *   the pattern with `$`, never fits: a name cannot widen its own rights. As in MQTT, a pattern that begins with a
 *   wildcard does not fit topics that begin with `$`: name `$SYS/#` or `$p2p/+/#` to speak of them.
 * - subscribe: a line fits if its pattern covers the whole filter, so `allow … a/+` grants `a/b` and `a/+` but not `a/#`.
 *   A filter that a deny only overlaps is granted if an allow covers it; the deny then works message by message.
 * - receive, asked at each delivery: lines for `receive`, `subscribe` and `all` count. So `allow … subscribe x` also lets
 *   x be received, and `deny … subscribe x` also keeps x from wider subscriptions.
 * - `default` may stand anywhere, once; without it what no line fits is denied.
 */
import { covers } from '../../core/topic/covers.ts'
import { checkTopicFilter, matches } from '../../core/topic/validate.ts'
import type { Action, Authorizer, Identity } from './ports.ts'

type Who =
  | { readonly is: 'everybody' }
  | { readonly is: 'anonymous' }
  | { readonly is: 'user'; readonly name: string }
  | { readonly is: 'client'; readonly name: string }

export interface AclRule {
  readonly line: number
  readonly allow: boolean
  readonly who: Who
  readonly action: Action | 'all'
  readonly pattern: string
}

export interface AclText {
  readonly rules: readonly AclRule[]
  readonly defaultAllow: boolean
}

const ACTIONS: ReadonlySet<string> = new Set(['publish', 'subscribe', 'receive', 'all'])
const PATTERN_LIMITS = { maxTopicBytes: 65_535, maxTopicLevels: 65_535 }

/** Parses a whole file. Throws an Error that names the first wrong line. */
export function parseAcl(text: string): AclText {
  const rules: AclRule[] = []
  let defaultAllow: boolean | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1
    const content = raw.trim()
    if (content === '' || content.startsWith('#')) continue
    const words = new Words(content, line)
    const verb = words.next("'allow', 'deny' or 'default'")
    if (verb === 'default') {
      if (defaultAllow !== undefined) throw new Error(`Line ${line} is a second 'default'`)
      defaultAllow = isAllow(words.next("'allow' or 'deny'"), line)
      if (words.rest() !== '') throw new Error(`Line ${line} has '${words.rest()}' after the default`)
    } else {
      rules.push(parseRule(isAllow(verb, line), words, line))
    }
  }
  return { rules, defaultAllow: defaultAllow ?? false }
}

function parseRule(allow: boolean, words: Words, line: number): AclRule {
  const who = parseWho(words, line)
  const action = words.next('an action')
  if (!ACTIONS.has(action)) {
    throw new Error(`Line ${line} has the action '${action}'; allowed: publish, subscribe, receive, all`)
  }
  const pattern = words.rest()
  if (pattern === '') throw new Error(`Line ${line} has no topic pattern`)
  if (pattern.startsWith('$share/')) {
    throw new Error(`Line ${line} speaks of a shared subscription; rights are given for the filter behind its group`)
  }
  const wrong = checkTopicFilter(pattern, PATTERN_LIMITS)
  if (wrong) throw new Error(`Line ${line}: ${wrong}`)
  return { line, allow, who, action: action as AclRule['action'], pattern }
}

function parseWho(words: Words, line: number): Who {
  const word = words.next("'*', 'anonymous', 'user NAME' or 'client ID'")
  if (word === '*') return { is: 'everybody' }
  if (word === 'anonymous') return { is: 'anonymous' }
  if (word === 'user' || word === 'client') return { is: word, name: words.next(`the name of a ${word}`) }
  throw new Error(`Line ${line} is for '${word}'; allowed: *, anonymous, user NAME, client ID`)
}

function isAllow(word: string, line: number): boolean {
  if (word !== 'allow' && word !== 'deny')
    throw new Error(`Line ${line} has '${word}' where 'allow' or 'deny' must stand`)
  return word === 'allow'
}

/** The words of one line; a word may stand in double quotes. */
class Words {
  readonly #line: number
  #rest: string

  constructor(content: string, line: number) {
    this.#rest = content
    this.#line = line
  }

  next(wanted: string): string {
    const found = /^(?:"([^"]*)"|([^\s"]\S*))(?:\s+|$)/.exec(this.#rest)
    if (!found) throw new Error(`Line ${this.#line} must go on with ${wanted}, not '${this.#rest}'`)
    this.#rest = this.#rest.slice(found[0].length)
    return found[1] ?? found[2]!
  }

  rest(): string {
    return this.#rest
  }
}

/** Which lines an action asks. */
const COUNTS: Readonly<Record<Action, ReadonlySet<AclRule['action']>>> = {
  publish: new Set(['publish', 'all']),
  subscribe: new Set(['subscribe', 'all']),
  receive: new Set(['receive', 'subscribe', 'all']),
}

/** Grants everything: what runs without an ACL file. */
export const EVERYTHING: Authorizer = { unrestricted: () => true, allows: () => true }

/** The rights of one ACL text. What an identity may do is worked out once and kept as long as the identity lives. */
export class Acl implements Authorizer {
  readonly #defaultAllow: boolean
  readonly #forAll: AclRule[] = []
  readonly #anonymous: AclRule[] = []
  readonly #byUser = new Map<string, AclRule[]>()
  readonly #byClient = new Map<string, AclRule[]>()
  readonly #restricted: ReadonlySet<Action>
  readonly #rights = new WeakMap<Identity, Partial<Record<Action, Rights>>>()

  constructor(text: AclText) {
    this.#defaultAllow = text.defaultAllow
    for (const rule of text.rules) this.#listFor(rule.who).push(rule)
    const actions: Action[] = ['publish', 'subscribe', 'receive']
    this.#restricted = new Set(
      actions.filter(
        action => !text.defaultAllow || text.rules.some(rule => !rule.allow && COUNTS[action].has(rule.action)),
      ),
    )
  }

  unrestricted(action: Action): boolean {
    return !this.#restricted.has(action)
  }

  allows(identity: Identity, action: Action, topic: string): boolean {
    let rights = this.#rights.get(identity)
    if (!rights) this.#rights.set(identity, (rights = {}))
    const forAction = (rights[action] ??= new Rights(this.#linesFor(identity, action), action, this.#defaultAllow))
    return forAction.allow(topic)
  }

  #listFor(who: Who): AclRule[] {
    if (who.is === 'everybody') return this.#forAll
    if (who.is === 'anonymous') return this.#anonymous
    const byName = who.is === 'user' ? this.#byUser : this.#byClient
    let list = byName.get(who.name)
    if (!list) byName.set(who.name, (list = []))
    return list
  }

  /** The lines that speak of this identity, in the file's order, placeholders filled in. */
  #linesFor(identity: Identity, action: Action): Line[] {
    const { username, clientId } = identity
    const named = username === undefined ? this.#anonymous : (this.#byUser.get(username) ?? [])
    const rules = [...this.#forAll, ...named, ...(this.#byClient.get(clientId) ?? [])]
    return rules
      .filter(rule => COUNTS[action].has(rule.action))
      .sort((a, b) => a.line - b.line)
      .flatMap(rule => {
        const pattern = fill(rule.pattern, identity)
        return pattern === undefined ? [] : [{ allow: rule.allow, pattern }]
      })
  }
}

interface Line {
  readonly allow: boolean
  readonly pattern: string
}

/** Decisions remembered per identity and action: enough for a device's own topics. Who uses more is asked about the rest each time, which is cheaper than making room. */
const MAX_REMEMBERED = 64

class Rights {
  readonly #lines: readonly Line[]
  readonly #fits: (pattern: string, topic: string) => boolean
  readonly #defaultAllow: boolean
  readonly #decided = new Map<string, boolean>()

  constructor(lines: readonly Line[], action: Action, defaultAllow: boolean) {
    this.#lines = lines
    this.#fits = action === 'subscribe' ? covers : matches
    this.#defaultAllow = defaultAllow
  }

  allow(topic: string): boolean {
    const before = this.#decided.get(topic)
    if (before !== undefined) return before
    const allow = this.#lines.find(line => this.#fits(line.pattern, topic))?.allow ?? this.#defaultAllow
    if (this.#decided.size < MAX_REMEMBERED) this.#decided.set(topic, allow)
    return allow
  }
}

/** The pattern for an identity; undefined if it can never fit because a value is missing or would act as more than a name. */
function fill(pattern: string, identity: Identity): string | undefined {
  if (!pattern.includes('%')) return pattern
  let fits = true
  const filled = pattern.replace(/%[cu]/g, (placeholder, at: number) => {
    const value = placeholder === '%c' ? identity.clientId : identity.username
    if (value === undefined || value === '' || /[+#/]/.test(value) || (at === 0 && value.startsWith('$'))) fits = false
    return value ?? ''
  })
  return fits ? filled : undefined
}
