/** Writes and reads the state over each URL it is given, on whatever runtime runs it; prints what it read. */
import { openRedis } from '../../../core/state/redis/open.node.ts'
import { load, record } from './records.ts'
import { Holder } from './servers.ts'

for (const url of process.argv.slice(2)) {
  const driver = await openRedis({ url })
  const core = await Holder.take(driver, 'program')
  core.state.putSession(record(driver.address.slice(0, 7), { inbox: new Uint8Array([200, 1]) }))
  await core.commit()
  const { sessions } = await load(core.state)
  console.log([...sessions.values()].map(r => `${r.client} ${r.inbox}`).join(', '))
  driver.close()
}
