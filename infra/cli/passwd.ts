/** `meridian passwd FILE USER`: sets one user's password; every other line of the file stays as it is. */
import { randomBytes } from 'node:crypto'
import { open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { checkUserName, parseCredentials, replaceUser } from '../../edge/auth/credentials.ts'
import { scramEntryText } from '../../edge/auth/scram-sha-256.node.ts'
import { hashPassword } from '../../edge/auth/scrypt.node.ts'
import { didYouMean } from '../config/nearest.ts'
import { UsageError } from './misuse.ts'
import { FINE, type Io } from './ports.ts'

const FLAGS = ['--stdin', '--scram']

export async function passwd(argv: readonly string[], io: Io): Promise<number> {
  const flags = argv.filter(word => word.startsWith('-'))
  const [path, user, ...more] = argv.filter(word => !word.startsWith('-'))
  const unknown = flags.find(flag => !FLAGS.includes(flag))
  if (unknown !== undefined) throw new UsageError(`Unknown flag ${unknown}${didYouMean(unknown, FLAGS)}`)
  if (path === undefined || user === undefined || more.length > 0) {
    throw new UsageError("Write 'meridian passwd FILE USER [--stdin] [--scram]'")
  }
  const wrong = checkUserName(user)
  if (wrong !== undefined) throw new UsageError(wrong)

  const before = await currentText(path)
  const password = flags.includes('--stdin') ? firstLine(await io.readStdin()) : await askTwice(user, io)
  if (password === '') throw new UsageError('The password is empty')
  const entries = [await hashPassword(password), ...(flags.includes('--scram') ? [await scramEntryText(password)] : [])]
  await replaceFile(path, replaceUser(before, user, entries))
  io.out(`Password of user '${user}' is set in ${path}`)
  return FINE
}

async function askTwice(user: string, io: Io): Promise<string> {
  const password = await io.askHidden(`Password for ${user}: `)
  if ((await io.askHidden('Once more: ')) !== password) throw new Error('The two passwords differ')
  return password
}

const firstLine = (text: string): string => text.split(/\r?\n/, 1)[0] ?? ''

/** The file's text; empty for a new file. A file that is no password file is refused, not overwritten. */
async function currentText(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
  try {
    parseCredentials(text)
  } catch (error) {
    throw new Error(`File '${path}' is left as it is: ${(error as Error).message}`, { cause: error })
  }
  return text
}

/** Readers see the old file or the whole new one. Only the owner may read it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const draft = `${target}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    const why = error instanceof Error ? error.message.replaceAll(draft, path) : String(error)
    throw new Error(`File '${path}' cannot be written: ${why}`, { cause: error })
  }
}
