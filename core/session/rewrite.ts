/** After the state has lost writes that it had acknowledged (a replica took over): makes it what this core knows, which is the truth while it runs. */
import type { CoreParts } from '../link/local-link.ts'
import type { State } from '../state/port.ts'

/** Sessions and topics rewritten per turn. */
const BATCH = 1_000

export interface RewriteContext extends Pick<CoreParts, 'sessions' | 'retained' | 'turn'> {
  readonly state: State
  /** Resolves a turn later. */
  readonly breathe: () => Promise<void>
}

/** Rejects if the state cannot be read: the caller tries again. */
export async function rewrite(ctx: RewriteContext): Promise<void> {
  const { state, sessions, retained, turn, breathe } = ctx
  let n = 0
  const step = async () => {
    if (++n % BATCH > 0) return
    turn.urge()
    await breathe()
  }
  for (const s of [...sessions.values()]) {
    if (!s.stored || s.presence === 'ended') continue
    sessions.mark(s)
    if (s.persistent) for (const subscription of s.subscriptions.values()) state.putSubscription(s.client, subscription)
    await step()
  }
  for (const message of retained.stored()) {
    // It may have been replaced while others were written.
    if (retained.get(message.tenant, message.topic) === message) state.putRetained(message)
    await step()
  }
  turn.urge()
  await breathe()
  // Deletions may be lost as well: what the state has and nobody here knows goes again.
  await state.load({
    session({ client }) {
      if (sessions.get(client)?.stored !== true) state.deleteSession(client)
    },
    subscription(client, { filter }) {
      const s = sessions.get(client)
      if (s?.stored === true && !s.subscriptions.has(filter)) state.deleteSubscription(client, filter)
    },
    retained({ tenant, topic }) {
      if (retained.get(tenant, topic) === undefined && !retained.isAccepted(tenant, topic))
        state.deleteRetained(tenant, topic)
    },
  })
  turn.urge()
}
