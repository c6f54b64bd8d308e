/** Whether one filter takes in all topics of another: what a right to subscribe asks. Keeps nothing. */

/**
 * True if every topic that `filter` matches is matched by `pattern` too. Both valid and not shared. For a filter without
 * wildcards this is `matches`. 'a/+' does not cover 'a/#'; '#' does not cover '$SYS/#' [MQTT-4.7.2-1].
 */
export function covers(pattern: string, filter: string): boolean {
  const p = pattern.split('/')
  const f = filter.split('/')
  if (filter.startsWith('$') && (p[0] === '+' || p[0] === '#')) return false
  // What the walk by level cannot tell: there is no empty topic, so a first level, or one after a leading '/', is always there.
  if (filter === '#' && pattern === '+/#') return true
  if (filter === '/#' && (pattern === '/+/#' || pattern === '+/+/#')) return true
  for (let i = 0; ; i++) {
    const want = p[i]
    if (want === '#') return true
    const have = f[i]
    if (want === undefined || have === undefined) return want === have
    if (have === '#' || (want !== '+' && want !== have)) return false
    if (i + 1 === f.length) return i + 1 === p.length || p[i + 1] === '#'
  }
}
