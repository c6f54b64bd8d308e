output "broker_properties" {
  description = "Text of broker.properties by node."
  value       = { for node, settings in local.brokers : node => join("", [for key, value in settings : "${key}=${value}\n"]) }
}

output "proxy_settings" {
  description = "Text of rmq-proxy.json, the same on both nodes."
  value       = jsonencode(local.proxy)
}

output "namesrv_properties" {
  description = "Text of namesrv.properties, the same on both nodes."
  value       = "listenPort=${var.ports.namesrv}\nsupportActingMaster=${var.acknowledge == "both-if-possible"}\n"
}

output "admin_commands" {
  description = "Words after `mqadmin` that make topics and groups, once the broker is there. To run them again does no harm."
  value       = local.admin
}
