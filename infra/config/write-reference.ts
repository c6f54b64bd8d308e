/** Puts the configuration reference into README.md, between its markers. Run it after changing the schema. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withReference } from './reference.ts'

const readme = new URL('../../README.md', import.meta.url)
writeFileSync(readme, withReference(readFileSync(readme, 'utf8')))
