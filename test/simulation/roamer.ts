/** Clients that go from one site to another, and the turns that it takes until everybody has come to rest. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Client } from './client.ts'
import { Sites } from './sites.ts'

/** Sites that share clients and survive their cores, linked; they end with the test. */
export async function openSites(...names: string[]): Promise<Sites> {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-sites-'))
  const sites = new Sites({ names, edges: 1, shared: true, dataDir: name => join(dir, name) })
  onTestFinished(() => {
    sites.close()
    rmSync(dir, { recursive: true, force: true })
  })
  await rest(sites)
  return sites
}

/** Everybody answers until nothing moves. */
export async function rest(sites: Sites, ...clients: Client[]): Promise<void> {
  for (let quiet = 0, round = 0; quiet < 8; round++) {
    if (round > 300) throw new Error('The clients do not come to rest')
    sites.settle()
    let moved = 0
    for (const one of clients) moved += one.work()
    quiet = moved === 0 ? quiet + 1 : 0
    await new Promise(done => setImmediate(done))
    sites.pass(250)
  }
}

export const textsOf = (one: Client): string[] => one.seen.map(({ text }) => text)

/** A client whose next connection goes to another site. */
export class Roamer extends Client {
  readonly #sites: Sites
  at = ''
  /** Its CONNECT is over when nothing moves any more. */
  settles = true

  constructor(sites: Sites, id: string, at: string) {
    super(
      {
        open: () => sites.at(this.at).open(),
        feed: (pipe, bytes) => sites.at(this.at).feed(pipe, bytes),
        settle: () => {
          if (this.settles) sites.settle()
        },
      } as ConstructorParameters<typeof Client>[0],
      id,
    )
    this.#sites = sites
    this.at = at
  }

  /** Goes there; the connection it has stays open, and the broker does not know. */
  async go(at: string, options: Record<string, unknown> = {}): Promise<void> {
    this.at = at
    this.connect(options)
    await rest(this.#sites, this)
  }
}

export async function roamer(sites: Sites, id: string, at: string, filter?: string): Promise<Roamer> {
  const one = new Roamer(sites, id, at)
  await one.go(at)
  if (filter !== undefined) one.subscribe(filter, 2)
  await rest(sites, one)
  return one
}
