/** Runs inside of a group's network namespace: starts the group, or asks how its processes are. `group.node.ts start|health DIR GROUP` */
import { loadInstallation } from './files.ts'
import { describeGroup, statusOf } from './group.ts'

const [what, dir = '', name = ''] = process.argv.slice(2)
const installation = loadInstallation(dir)
if (installation === undefined) throw new Error(`Nothing was started in ${dir}`)
const group = describeGroup(dir, installation, name)
if (what === 'start') {
  await group.start(console.log).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
} else console.log(JSON.stringify(await statusOf(group.processes)))
