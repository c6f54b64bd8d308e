# What RocketMQ is configured with. The same as infra/local/rocketmq/settings.ts and core/log/rocketmq/names.ts, where the reasons
# are; a test compares them. Nothing is made here, and no provider is needed.

locals {
  cluster = "DefaultCluster"
  namesrv = join(";", [for node in var.nodes : "${node}:${var.ports.namesrv}"])
  home    = "/home/rocketmq/store"

  everywhere = {
    brokerClusterName              = local.cluster
    brokerName                     = "broker-a"
    namesrvAddr                    = local.namesrv
    listenPort                     = var.ports.broker
    haListenPort                   = var.ports.broker_replica
    storePathRootDir               = local.home
    storePathCommitLog             = "${local.home}/commitlog"
    fileReservedTime               = var.retention_hours
    autoCreateTopicEnable          = false
    autoCreateSubscriptionGroup    = false
    enableLmq                      = true
    enableMultiDispatch            = true
    liteEventCheckInterval         = 1000
    liteEventFullDispatchDelayTime = 1000
    storeType                      = "defaultRocksDB"
    maxLmqConsumeQueueNum          = 1000000
    registerNameServerPeriod       = 10000
    transactionMetricFlushInterval = 1000
  }
  # A send is acknowledged when it is on the disk of the master (SYNC_FLUSH), and of the replica if that is asked for.
  replication = {
    both               = { brokerRole = "SYNC_MASTER", totalReplicas = 2, inSyncReplicas = 2, minInSyncReplicas = 2 }
    "both-if-possible" = { brokerRole = "SYNC_MASTER", totalReplicas = 2, inSyncReplicas = 2, minInSyncReplicas = 1, enableSlaveActingMaster = true, enableAutoInSyncReplicas = true }
    master             = { brokerRole = "ASYNC_MASTER" }
  }
  own = [
    merge({ brokerId = 0, flushDiskType = "SYNC_FLUSH" }, local.replication[var.acknowledge]),
    merge({ brokerId = 1, flushDiskType = "SYNC_FLUSH", brokerRole = "SLAVE" }, var.acknowledge == "both-if-possible" ? { enableSlaveActingMaster = true } : null),
  ]
  brokers = { for i, node in var.nodes : node => merge(local.everywhere, { brokerIP1 = node, brokerIP2 = node }, local.own[i]) }

  proxy = merge(
    {
      rocketMQClusterName                        = local.cluster
      namesrvAddr                                = local.namesrv
      grpcServerPort                             = var.ports.proxy
      maxLiteRenewNumPerChannel                  = 100000
      topicRouteServiceCacheRefreshSeconds       = 1
      topicConfigCacheRefreshSeconds             = 1
      subscriptionGroupConfigCacheRefreshSeconds = 1
    },
    # Without these the proxy shows a certificate that comes with it.
    { for key, value in {
      tlsTestModeEnable = var.tls_folder == null ? null : false
      tlsKeyPath        = var.tls_folder == null ? null : "${var.tls_folder}/key.pem"
      tlsCertPath       = var.tls_folder == null ? null : "${var.tls_folder}/cert.pem"
    } : key => value if value != null },
  )

  lite = "+lite.sub.model=Exclusive,+lite.sub.client.quota=100000,+lite.sub.client.max.event.cnt=10000"
  admin = flatten([for name in ["meridian-wal", "meridian-inbox"] : [
    "updateTopic -n ${local.namesrv} -c ${local.cluster} -t ${name} -a +message.type=LITE,+lite.topic.expiration=4500",
    "updateSubGroup -n ${local.namesrv} -c ${local.cluster} -g ${name} -o false --attributes +lite.bind.topic=${name},${local.lite}",
  ]])
}
