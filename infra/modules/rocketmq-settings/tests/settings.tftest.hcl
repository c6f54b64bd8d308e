variables {
  nodes = ["rocketmq-a.eu.meridian.internal", "rocketmq-b.eu.meridian.internal"]
  ports = { namesrv = 9876, broker = 10911, broker_replica = 10912, proxy = 8081 }
}

run "on_both_disks_before_it_is_acknowledged" {
  command = plan
  assert {
    condition     = alltrue([for text in values(output.broker_properties) : strcontains(text, "flushDiskType=SYNC_FLUSH\n")])
    error_message = "A broker does not write to its disk before it acknowledges."
  }
  assert {
    condition     = alltrue([for line in ["brokerId=0", "brokerRole=SYNC_MASTER", "inSyncReplicas=2", "minInSyncReplicas=1", "enableAutoInSyncReplicas=true"] : strcontains(output.broker_properties[var.nodes[0]], "${line}\n")])
    error_message = "The master does not wait for its replica."
  }
  assert {
    condition     = alltrue([for line in ["brokerId=1", "brokerRole=SLAVE"] : strcontains(output.broker_properties[var.nodes[1]], "${line}\n")])
    error_message = "The second node is no replica."
  }
  assert {
    condition     = strcontains(output.broker_properties[var.nodes[0]], "namesrvAddr=rocketmq-a.eu.meridian.internal:9876;rocketmq-b.eu.meridian.internal:9876\n")
    error_message = "The broker does not know both name servers."
  }
}

run "nothing_is_acknowledged_without_the_replica" {
  command = plan
  variables { acknowledge = "both" }
  assert {
    condition     = strcontains(output.broker_properties[var.nodes[0]], "minInSyncReplicas=2\n") && !strcontains(output.broker_properties[var.nodes[0]], "enableAutoInSyncReplicas")
    error_message = "The master goes on alone."
  }
}

run "the_replica_follows" {
  command = plan
  variables { acknowledge = "master" }
  assert {
    condition     = strcontains(output.broker_properties[var.nodes[0]], "brokerRole=ASYNC_MASTER\n") && !strcontains(output.broker_properties[var.nodes[0]], "inSyncReplicas")
    error_message = "The master waits for its replica."
  }
}

run "proxy_with_tls" {
  command = plan
  variables { tls_folder = "/tls" }
  assert {
    condition     = jsondecode(output.proxy_settings).tlsKeyPath == "/tls/key.pem" && jsondecode(output.proxy_settings).tlsTestModeEnable == false
    error_message = "The proxy would show its built-in test certificate."
  }
}

run "topics_and_groups" {
  command = plan
  assert {
    condition     = length(output.admin_commands) == 4 && strcontains(output.admin_commands[1], "-g meridian-wal -o false --attributes +lite.bind.topic=meridian-wal,")
    error_message = "Topics and groups are not made as needed."
  }
}

run "longer_than_lite_topics_live" {
  command = plan
  variables { retention_hours = 76 }
  expect_failures = [var.retention_hours]
}

run "one_node" {
  command = plan
  variables { nodes = ["a"] }
  expect_failures = [var.nodes]
}

run "unknown_durability" {
  command = plan
  variables { acknowledge = "none" }
  expect_failures = [var.acknowledge]
}
