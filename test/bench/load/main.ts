/** The load generator as a command: flags in, one line of JSON out. `node test/bench/load/main.ts --addr 127.0.0.1:1883 --scenario fanout --pubs 5 --subs 1000 --rate 150` */
import { parseLoadOptions } from './options.ts'
import { runLoad } from './run.ts'

try {
  console.log(JSON.stringify(await runLoad(parseLoadOptions(process.argv.slice(2)))))
  process.exit(0)
} catch (error) {
  console.error(`load: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
