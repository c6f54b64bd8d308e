/** How lists and numbers are written in findings and tables. Pure. */

const SHOWN = 8

/** The first few, and how many more. */
export const listed = (items: readonly string[]): string =>
  items.slice(0, SHOWN).join(', ') + (items.length > SHOWN ? `, … (${items.length - SHOWN} more)` : '')

/** The value that a share `p` (0…1) of the values does not exceed; undefined of nothing. */
export function quantile(values: readonly number[], p: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)]
}
