/** A state that lost acknowledged writes, and deletions, is made right again by the core that knows. */
import { expect, test } from 'vitest'
import type { ClientKey, TopicFilter } from '../../../../core/contract/ids.ts'
import { MemoryState } from '../../../../core/state/memory.ts'
import { key, Rig, sub, text } from '../rig.ts'

const contents = async (state: MemoryState) => {
  const sessions: ClientKey[] = []
  const subscriptions: string[] = []
  const retained: string[] = []
  await state.load({
    session: r => sessions.push(r.client),
    subscription: (client, s) => subscriptions.push(`${client} ${s.filter}`),
    retained: m => retained.push(`${m.topic} ${text(m)}`),
  })
  return { sessions: sessions.sort(), subscriptions: subscriptions.sort(), retained: retained.sort() }
}

test('what was lost is written again, what had been deleted goes again', async () => {
  const state = new MemoryState()
  const edge = new Rig({ state }).edge()
  const a = edge.connect('a')
  edge.subscribe('a', a.epoch, sub('one'), sub('two'))
  edge.connect('b', { expirySec: 0 })
  edge.publish('r/1', 'x', { retain: true })
  edge.publish('$r/2', 'y', { retain: true })
  edge.rig.settle()
  const right = await contents(state)
  expect(right).toEqual({ sessions: [':a'], subscriptions: [':a one', ':a two'], retained: ['r/1 x', '$r/2 y'].sort() })

  const retained = edge.retained('$r/2').messages[0]!
  state.deleteSession(key('a'))
  state.deleteRetained(retained.tenant, retained.topic)
  const old = {
    epoch: 1,
    since: 1,
    asOf: 1,
    expirySec: 9,
    offlineAt: 1,
    will: undefined,
    heldUntil: 0,
    comesFrom: '',
    inflight: [],
    received: [],
  }
  state.putSession({ ...old, client: key('gone'), inbox: undefined })
  state.putSubscription(key('a'), { ...sub('three'), since: 1 })
  const stale = edge.publish('r/old', 'z', { retain: true, qos: 0 })
  edge.rig.settle()
  edge.publish('r/old', '', { retain: true })
  edge.rig.settle()
  state.putRetained(stale)

  const done = edge.rig.core.rewrite()
  for (let i = 0; i < 5; i++) {
    edge.rig.settle()
    await Promise.resolve()
  }
  await done
  edge.rig.settle()
  expect(await contents(state)).toEqual(right)
  edge.link.unsubscribe(key('a'), a.epoch, ['one' as TopicFilter], () => {})
})
