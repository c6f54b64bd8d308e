/** Judges what a subscriber took over against what was published. Pure. */

export interface Published {
  readonly publisher: string
  /** As delivered: the lower of publication and subscription. */
  readonly qos: 1 | 2
  /** Every message up to this number was acknowledged. */
  readonly count: number
}

/** What is wrong with the books of one subscriber; nothing if all is well. Payloads are `publisher:number`. */
export function violations(subscriber: string, taken: readonly string[], published: readonly Published[]): string[] {
  const wrong: string[] = []
  const numbers = new Map<string, number[]>()
  for (const payload of taken) {
    const [publisher = '', number = ''] = payload.split(':')
    const list = numbers.get(publisher) ?? []
    list.push(Number(number))
    numbers.set(publisher, list)
  }
  for (const { publisher, qos, count } of published) {
    const got = numbers.get(publisher) ?? []
    const first = [...new Set(got)]
    const seen = new Set(got)
    const lost = Array.from({ length: count }, (_, i) => i + 1).filter(n => !seen.has(n))
    if (lost.length > 0) wrong.push(`${subscriber} lost ${lost.length} of ${count} of ${publisher}: ${some(lost)}`)
    if (qos === 2 && first.length !== got.length) {
      const twice = first.filter(n => got.indexOf(n) !== got.lastIndexOf(n))
      wrong.push(`${subscriber} got ${twice.length} of ${publisher} (QoS 2) more than once: ${some(twice)}`)
    }
    const back = first.filter((n, i) => i > 0 && n < (first[i - 1] ?? 0))
    if (back.length > 0) wrong.push(`${subscriber} got ${back.length} of ${publisher} out of order: ${some(back)}`)
  }
  return wrong
}

const some = (numbers: readonly number[]): string =>
  numbers.slice(0, 10).join(', ') + (numbers.length > 10 ? ', …' : '')
