/** SQLite as the runtime has it. Asked for while running, not by import: an older Node could not even load a bundle that imports it, and so not say why. */
import process from 'node:process'

export const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
export type DatabaseSync = InstanceType<typeof DatabaseSync>
