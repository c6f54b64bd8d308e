/** aedes as a peer of the benchmark: its broker with its in-memory persistence behind `node:net`, as its README starts it. */
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const port = Number(process.argv[2])
const broker = await Aedes.createBroker()
createServer({ noDelay: true }, broker.handle).listen(port, '127.0.0.1')
