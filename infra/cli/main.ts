/** The command line: finds the command, turns its errors into text and exit status. */
import { CORE, EDGE, START } from '../config/commands.ts'
import { didYouMean } from '../config/nearest.ts'
import { ConfigError } from '../config/problem.ts'
import { VERSION } from '../version.ts'
import { config } from './config.ts'
import { HELP, helpOf } from './help.ts'
import { UsageError } from './misuse.ts'
import { passwd } from './passwd.ts'
import { type Env, FAILED, FINE, type Io, MISUSED } from './ports.ts'
import { start } from './start.ts'

/** Runs one command; `argv` are the words after the program's name. Resolves with the exit status and never rejects. */
export async function runCli(argv: readonly string[], env: Env, io: Io): Promise<number> {
  try {
    return await dispatch(argv, env, io)
  } catch (error) {
    const lines =
      error instanceof ConfigError ? error.problems : [error instanceof Error ? error.message : String(error)]
    for (const line of lines) io.err(`meridian: ${line}`)
    return error instanceof ConfigError || error instanceof UsageError ? MISUSED : FAILED
  }
}

const COMMANDS = ['start', 'edge', 'core', 'config', 'passwd']

async function dispatch([command, ...rest]: readonly string[], env: Env, io: Io): Promise<number> {
  const wantsHelp = rest.includes('--help') || rest.includes('-h')
  switch (command) {
    case '--version':
    case '-v':
      return say(VERSION, io)
    case '--help':
    case '-h':
    case 'help':
      return say(HELP, io)
    case 'start':
      return wantsHelp ? say(helpOf(START), io) : start(START, io.programs.start, rest, env, io)
    case 'edge':
      return wantsHelp ? say(helpOf(EDGE), io) : start(EDGE, io.programs.edge, rest, env, io)
    case 'core':
      return wantsHelp ? say(helpOf(CORE), io) : start(CORE, io.programs.core, rest, env, io)
    case 'config':
      return wantsHelp ? say(HELP, io) : config(rest, io)
    case 'passwd':
      return wantsHelp ? say(HELP, io) : passwd(rest, io)
    case undefined:
      throw new UsageError(`No command\n\n${HELP}`)
    default:
      throw new UsageError(`Unknown command '${command}'${didYouMean(command, COMMANDS)}; meridian --help lists them`)
  }
}

function say(text: string, io: Io): number {
  io.out(text)
  return FINE
}
