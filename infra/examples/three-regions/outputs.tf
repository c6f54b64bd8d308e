output "hostname" {
  description = "What devices connect to: mqtts on 8883, wss on 443 (/mqtt)."
  value       = module.meridian.hostname
}

output "regions" {
  description = "By name: what leads to that region alone, its load balancer, and its dashboard."
  value       = module.meridian.regions
}
