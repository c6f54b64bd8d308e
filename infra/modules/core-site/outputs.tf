output "hosted_zone_id" {
  description = "The private zone with the names of cores and RocketMQ, for networks of other regions to look into."
  value       = aws_service_discovery_private_dns_namespace.this.hosted_zone
}

output "cores" {
  description = "Names of the cores' services."
  value       = keys(local.cores)
}

output "rocketmq" {
  description = "Servers of RocketMQ by name."
  value       = { for id, instance in aws_instance.rocketmq : id => { instance_id = instance.id, volume_id = aws_ebs_volume.messages[id].id } }
}
