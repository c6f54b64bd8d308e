/** A holder of a lease as a process of its own, for tests that stop it: prints what happens, one word per line. Words: url, site, name, life, renew, grace. */
import { Fence } from '../../../core/state/redis/fence.ts'
import { Keys } from '../../../core/state/redis/keys.ts'
import { Lease } from '../../../core/state/redis/lease.ts'
import { openRedis } from '../../../core/state/redis/open.node.ts'

const [url = '', site = '', name = '', life, renew, grace] = process.argv.slice(2)
const driver = await openRedis({ url })
const lease = new Lease({
  fence: new Fence({ driver, key: new Keys(site).lease }),
  holder: name,
  now: Date.now,
  lifeMs: Number(life),
  renewMs: Number(renew),
  graceMs: Number(grace),
  onLost: by => {
    console.log(`lost ${by}`)
    process.exit(3)
  },
})
await lease.start()
/** Turns: each asks first whether it may do anything. */
let worked = 0
setInterval(() => {
  const now = Date.now()
  const stood = now - worked
  worked = now
  if (stood === now) console.log('held')
  else if (lease.mayBeStale(now)) console.log('stale')
  else if (stood > Number(life)) console.log('worked after standing still')
}, 10)
