/** What broker and proxy are configured with; each setting that differs from RocketMQ's own default says why. */

export interface RocketmqPorts {
  readonly namesrv: number
  /** The broker takes `broker - 2` as well. */
  readonly broker: number
  readonly ha: number
  readonly proxy: number
  readonly proxyRemoting: number
}

export interface RocketmqSettings {
  /** SYNC: a send is acknowledged when it is on the disk. Default ASYNC: it survives the end of the broker, not of the machine. */
  readonly flush?: 'ASYNC' | 'SYNC'
  /** Added to the broker's properties, or in place of the ones below. */
  readonly broker?: Readonly<Record<string, string | number | boolean>>
  /** Added to the proxy's settings, or in place of the ones below. */
  readonly proxy?: Readonly<Record<string, string | number | boolean>>
}

/** Of the broker: what any installation wants, not only a small one for tests. */
export const MERIDIAN_BROKER = {
  // Topics that nobody created are mistakes.
  autoCreateTopicEnable: false,
  autoCreateSubscriptionGroup: false,
  // Lite topics.
  enableLmq: true,
  enableMultiDispatch: true,
  // With the defaults of 10 s a drain stands still for up to 30 s.
  liteEventCheckInterval: 1000,
  liteEventFullDispatchDelayTime: 1000,
  // Otherwise each lite topic takes a file descriptor and a mapping: a broker with 20,000 of them stops to serve reads.
  storeType: 'defaultRocksDB',
  // One queue per session; the default ends at 20,000.
  maxLmqConsumeQueueNum: 1_000_000,
  // How soon a name server that was restarted knows the broker again; the least that is allowed.
  registerNameServerPeriod: 10_000,
  // A thread of the broker spins for this long after the start; the default is 10 s of a core.
  transactionMetricFlushInterval: 1000,
}

/** Of the proxy, likewise. */
export const MERIDIAN_PROXY = {
  // With the default of 100 a client that drains many inboxes is stopped for a second at a time.
  maxLiteRenewNumPerChannel: 100_000,
  // How long the proxy goes on with what it saw of topics and groups while the broker was away; the default is 20 s.
  topicRouteServiceCacheRefreshSeconds: 1,
  topicConfigCacheRefreshSeconds: 1,
  subscriptionGroupConfigCacheRefreshSeconds: 1,
}

export const CLUSTER = 'DefaultCluster'
export const BROKER = 'broker-a'

export function brokerProperties(home: string, ports: RocketmqPorts, settings: RocketmqSettings): string {
  const properties = {
    brokerClusterName: CLUSTER,
    brokerName: BROKER,
    brokerId: 0,
    namesrvAddr: `127.0.0.1:${ports.namesrv}`,
    brokerIP1: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: ports.broker,
    haListenPort: ports.ha,
    storePathRootDir: `${home}/store`,
    storePathCommitLog: `${home}/store/commitlog`,
    flushDiskType: `${settings.flush ?? 'ASYNC'}_FLUSH`,
    ...MERIDIAN_BROKER,
    // Small files: a test leaves little behind. A message of 4 MiB has to fit into one.
    mappedFileSizeCommitLog: 64 * 1024 * 1024,
    mappedFileSizeConsumeQueue: 20 * 30_000,
    maxHashSlotNum: 100_000,
    maxIndexNum: 400_000,
    mappedFileSizeTimerLog: 1024 * 1024,
    // A disk that others have filled is no reason to delete messages; above 90 % RocketMQ refuses them whatever is set.
    diskMaxUsedSpaceRatio: 95,
    cleanFileForciblyEnable: false,
    // Writes the wheel of delayed messages, which nobody sends here, as seldom as is harmless: 3 % of a core with the default.
    timerFlushIntervalMs: 10_000,
    ...settings.broker,
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

export function proxySettings(ports: RocketmqPorts, settings: RocketmqSettings): string {
  return JSON.stringify({
    rocketMQClusterName: CLUSTER,
    namesrvAddr: `127.0.0.1:${ports.namesrv}`,
    localServeAddr: '127.0.0.1',
    grpcServerPort: ports.proxy,
    remotingListenPort: ports.proxyRemoting,
    ...MERIDIAN_PROXY,
    ...settings.proxy,
  })
}
