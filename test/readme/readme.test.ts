/** Every example of README.md and docs/, run as a user would: section by section, against real gateways. `blocks.ts` says how a block is meant. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Block } from './blocks.ts'
import { CHROMIUM, textOfPage } from './browser.ts'
import { sectionsOfPages } from './pages.ts'
import { LOCAL_MS, Stage, startsServers } from './stage.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 40_000 })

const PAGE_MS = 15_000

describe.each(sectionsOfPages())('$page: $title', ({ blocks }) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close(), LOCAL_MS)

  for (const block of blocks) {
    const name = `line ${block.line}: ${block.purpose.is} ${block.text.split('\n')[0]}`
    const { purpose } = block
    const skip = purpose.is === 'skip' || (purpose.is === 'browser' && !existsSync(CHROMIUM))
    test.skipIf(skip)(name, () => play(block, stage), startsServers(block.text) ? LOCAL_MS + 30_000 : undefined)
  }
})

async function play({ purpose, text }: Block, stage: Stage): Promise<void> {
  switch (purpose.is) {
    case 'skip':
      return
    case 'file':
      stage.write(purpose.name, text)
      return
    case 'broker':
      return stage.start(purpose.command)
    case 'restart':
      return stage.killAndStartAgain()
    case 'browser': {
      const wanted = purpose.output?.join('\n') ?? ''
      expect(await textOfPage(stage.write(purpose.name, text), wanted, PAGE_MS)).toContain(wanted)
      return
    }
    case 'run': {
      const { status, lines, output } = await stage.shell(text)
      expect(status, output).toBe(purpose.status)
      if (purpose.output !== undefined)
        expect(lines.sort()).toEqual(purpose.output.map(line => stage.adapted(line)).sort())
    }
  }
}
