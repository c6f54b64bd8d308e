/** The commands' view of a real process, on Node and on Deno's Node layer. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { destination } from 'pino'
import type { Io, Programs } from './ports.ts'

export function processIo(programs: Programs): Io {
  return {
    out: line => void process.stdout.write(`${line}\n`),
    err: line => void process.stderr.write(`${line}\n`),
    readFile: path => readFileSync(path, 'utf8'),
    readStdin: () => text(process.stdin),
    askHidden,
    logTo: destination({ dest: 1, sync: true }),
    terminal: process.stdout.isTTY === true,
    onSignal(listener) {
      process.on('SIGTERM', () => listener('SIGTERM'))
      process.on('SIGINT', () => listener('SIGINT'))
      // A worker whose parent is gone.
      process.on('disconnect', () => listener('SIGTERM'))
    },
    onFatal(listener) {
      process.on('uncaughtException', listener)
      process.on('unhandledRejection', listener)
    },
    exit: status => process.exit(status),
    programs,
  }
}

function askHidden(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) {
    return Promise.reject(new Error('Standard input is not a terminal; pass the password with --stdin'))
  }
  process.stderr.write(prompt)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  return new Promise((done, fail) => {
    let answered = false
    reader.once('close', () => {
      process.stderr.write('\n')
      if (!answered) fail(new Error('No password was given'))
    })
    reader.once('line', line => {
      answered = true
      done(line)
      reader.close()
    })
    reader.once('SIGINT', () => reader.close())
  })
}
