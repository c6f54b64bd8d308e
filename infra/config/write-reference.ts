/** Puts the configuration reference into docs/configuration.md, between its markers. Run it after changing the schema. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withReference } from './reference.ts'

const page = new URL('../../docs/configuration.md', import.meta.url)
writeFileSync(page, withReference(readFileSync(page, 'utf8')))
