/** A core that dies between taking a will in the directory and publishing it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { MemoryDirectory } from '../../core/site/memory.ts'
import { Client } from './client.ts'
import { rest, textsOf } from './roamer.ts'
import { Sites } from './sites.ts'

test.each([
  ['ends with its connection', 0],
  ['goes on', 3600],
])(
  'a core dies before it hears that a will is its own: the next one publishes it, if the session %s',
  async (_, expirySec) => {
    const dir = mkdtempSync(join(tmpdir(), 'meridian-wills-'))
    const sites = new Sites({ names: ['eu', 'us'], edges: 1, shared: true, dataDir: name => join(dir, name) })
    const real = MemoryDirectory.prototype.takeWill
    const take = vi.spyOn(MemoryDirectory.prototype, 'takeWill')
    // It has the will, and does not hear of it.
    take.mockImplementationOnce(function (this: MemoryDirectory, client, epoch) {
      real.call(this, client, epoch, () => {})
    })
    try {
      await rest(sites)
      const watcher = new Client(sites.at('us'), 'watcher')
      watcher.connect()
      await rest(sites, watcher)
      watcher.subscribe('w/#', 2)
      const mortal = new Client(sites.at('eu'), 'mortal')
      mortal.connect({ will: { topic: 'w/1', payload: Buffer.from('w/1'), qos: 1, retain: false }, expirySec })
      await rest(sites, watcher)
      mortal.drop()
      sites.pass(1_000)
      expect(take.mock.calls.length).toBe(1)
      sites.at('eu').crashCore()
      await rest(sites, watcher)
      expect(textsOf(watcher)).toEqual(['w/1'])
      // What was kept for the will is gone.
      sites.at('eu').crashCore()
      await rest(sites, watcher)
      expect([textsOf(watcher), take.mock.calls.length]).toEqual([['w/1'], 2])
      expect(sites.at('eu').coreStats.nowSessions).toBe(expirySec === 0 ? 1 : 2)
    } finally {
      take.mockRestore()
      sites.close()
      rmSync(dir, { recursive: true, force: true })
    }
  },
)
