/** "Did you mean": the known name that is closest to a mistyped one. */

/** Number of single-character insertions, deletions, replacements and neighbour swaps between two texts. */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The first of `known` that ends with the name (`--port`: `--mqtt-port`), else the closest, or undefined if none is close enough to be meant. Case does not matter. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const longer = known.find(candidate => candidate.endsWith(wanted.replace(/^-*/, '-')))
  if (longer !== undefined) return longer
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const d = distance(wanted, candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best
}

/** ` (did you mean 'x'?)`, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const best = nearest(name, known)
  return best === undefined ? '' : ` (did you mean '${best}'?)`
}
