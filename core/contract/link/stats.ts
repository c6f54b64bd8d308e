/** What one end of a link counts, the same on both ends. All count up from the start of the process, but for `now…`. Owns no export format. */

export class LinkStats {
  nowLinks = 0
  nowUnackedBytes = 0
  nowUnanswered = 0
  nowFarewells = 0
  nowSentKept = 0
  framesIn = 0
  framesOut = 0
  framesResent = 0
  bytesIn = 0
  bytesOut = 0
  opened = 0
  resumed = 0
  broken = 0
  silent = 0
  damaged = 0
  refused = 0
  lost = 0
  switches = 0
  stalled = 0
  droppedQos0 = 0
}

/** A counter without its meaning does not compile. */
export const LINK_STATS_HELP: Readonly<Record<keyof LinkStats, string>> = {
  nowLinks: 'Links that are up',
  nowUnackedBytes: 'Bytes sent over links and not acknowledged by the other end',
  nowUnanswered: 'QoS 1 and 2 messages handed to edges and not answered (core), or calls without answer (edge)',
  nowFarewells: 'Ends of connections that an edge has told and no core has confirmed',
  nowSentKept: 'QoS 2 messages sent to clients of which an edge would tell the next core how far they came',
  framesIn: 'Frames received over links',
  framesOut: 'Frames sent over links',
  framesResent: 'Frames sent again after a link had broken',
  bytesIn: 'Bytes received over links',
  bytesOut: 'Bytes sent over links',
  opened: 'Links that came up and began anew',
  resumed: 'Links that came up again and went on where they had broken',
  broken: 'Links that broke',
  silent: 'Those of the broken links over which nothing was heard for three heartbeats',
  damaged: 'Links closed because of a damaged or impossible frame',
  refused: 'Links refused: wrong token or version, or no active core',
  lost: 'Edges given up by a core, or cores given up by an edge, with all that was under way',
  switches: 'Links that an edge has made to another site than the one before',
  stalled: 'Edges given up because they took nothing for too long',
  droppedQos0: 'QoS 0 messages dropped because a link did not keep up',
}
