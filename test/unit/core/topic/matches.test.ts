/** One filter against one topic: the standard's examples and the edges. */
import { describe, expect, test } from 'vitest'
import { matches } from '../../../../core/topic/matches.ts'

describe('matches', () => {
  const yes: [string, string][] = [
    ['a/b', 'a/b'],
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking'],
    ['sport/#', 'sport'],
    ['sport/tennis/+', 'sport/tennis/player1'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['#', 'a'],
    ['#', '/'],
    ['+', 'a'],
    ['a/+/#', 'a/'],
    ['$SYS/#', '$SYS/a'],
    ['$SYS/monitor/+', '$SYS/monitor/Clients'],
    ['a/+', 'a/$x'],
    ['a/#', 'a/$x'],
    ['a//b', 'a//b'],
  ]
  const no: [string, string][] = [
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['+', 'a/'],
    ['a/', 'a'],
    ['a', 'a/'],
    ['a/b', 'a/bc'],
    ['a/bc', 'a/b'],
    ['A', 'a'],
    ['a/+/#', 'a'],
    ['#', '$SYS/a'],
    ['+/monitor/Clients', '$SYS/monitor/Clients'],
    ['+', '$x'],
  ]
  test.each(yes)('%s matches %s [MQTT-4.7.1-2]', (f, topic) => expect(matches(f, topic)).toBe(true))
  test.each(no)('%s does not match %s [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]', (f, topic) =>
    expect(matches(f, topic)).toBe(false),
  )
})
