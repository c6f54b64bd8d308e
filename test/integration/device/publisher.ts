/**
 * A device that is killed while it publishes: `publisher.ts SDK URL CLIENT OUTBOX FROM COUNT QOS`. Prints `acknowledged N` for each of its messages and
 * `empty` when the outbox is. Runs on Node and Deno, from the sources or the bundle.
 */
const [sdk = '', url = '', clientId = '', outbox = '', from = '', count = '', qos = ''] = process.argv.slice(2)
const { connect } = (await import(sdk)) as typeof import('../../../device/main.node.ts')

const device = await connect({ endpoints: [url], clientId, outbox, limits: { backoffMaxMs: 500 } })
const first = Number(from)
for (let n = first; n < first + Number(count); n++) {
  device.publish('restart', String(n), { qos: qos === '2' ? 2 : 1 }).then(() => console.log(`acknowledged ${n}`))
}
await device.flush()
console.log('empty')
await device.close()
