/** All rows, in one list. */
import { CONNECT_BOTH, LEVELS } from './both/connect.ts'
import type { Row } from './row.ts'

export const ROWS: readonly Row[] = [...CONNECT_BOTH, ...LEVELS]
