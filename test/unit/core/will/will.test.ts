/** When wills are published and when not. */
import { describe, expect, test } from 'vitest'
import { key, Rig, sub, text, will } from '../rig.ts'

describe('will', () => {
  const watched = (more: object, request: object = {}) => {
    const rig = new Rig()
    const watcher = rig.edge()
    watcher.subscribe('w', watcher.connect('w', { expirySec: 0 }).epoch, sub('will'))
    const edge = rig.edge()
    const { epoch } = edge.connect('s', { will: will('will', more), ...request })
    return { rig, watcher, edge, epoch }
  }

  test('is published when the connection breaks [MQTT-3.1.2-8], once', () => {
    const { rig, watcher, edge, epoch } = watched({ expirySec: 60 })
    edge.release('s', epoch, { will: true })
    rig.pass(60_000)
    expect(watcher.texts).toEqual(['gone'])
    expect(watcher.got[0]).toMatchObject({ sender: key('s'), expiresAt: 1_700_000_060_000 })
  })

  test('is removed by a clean DISCONNECT [MQTT-3.1.2-10]', () => {
    const { rig, watcher, edge, epoch } = watched({})
    edge.release('s', epoch)
    rig.pass(60_000)
    expect(watcher.texts).toEqual([])
  })

  test('waits for its delay, and is not published if the client comes back before [MQTT-3.1.3-9]', () => {
    const { rig, watcher, edge, epoch } = watched({ delaySec: 5 })
    edge.release('s', epoch, { will: true })
    rig.pass(4000)
    const again = edge.connect('s', { will: will('will', { delaySec: 5 }) })
    rig.pass(10_000)
    expect(watcher.texts).toEqual([])
    edge.release('s', again.epoch, { will: true })
    rig.pass(6000)
    expect(watcher.texts).toEqual(['gone'])
  })

  test.each([
    ['the session ends before the delay', { expirySec: 2 }, 3000, false],
    ['the session ends with the connection', { expirySec: 0 }, 0, false],
    ['a clean start ends the session', { expirySec: 100 }, 0, true],
  ])('is published at once if %s', (_, request, ms, clean) => {
    const { rig, watcher, edge, epoch } = watched({ delaySec: 50 }, request)
    edge.release('s', epoch, { will: true, ...request })
    if (clean) edge.connect('s', { cleanStart: true })
    if (ms > 0) rig.pass(ms)
    expect(watcher.texts).toEqual(['gone'])
  })

  test('goes through retained messages like any other', () => {
    const { edge, epoch } = watched({ retain: true })
    edge.release('s', epoch, { will: true })
    expect(edge.retained('will').messages.map(text)).toEqual(['gone'])
  })
})
