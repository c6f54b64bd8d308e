/** Waits until whoever started it is gone, then takes the regions of a folder down. `guard.node.ts DIR` */
import { down } from './installation.ts'

const [dir = ''] = process.argv.slice(2)
process.stdin.resume()
process.stdin.on('close', () => void down(dir, 0).then(ended => console.log(`${ended} processes ended`)))
