output "hostname" {
  description = "Leads devices to the nearest region."
  value       = module.dns.hostname
}

output "regions" {
  description = "By name: what leads to that region alone, its load balancer, and its dashboard."
  value = {
    for name, region in local.regions : name => {
      hostname      = region.hostname
      load_balancer = module.edge[name].load_balancer.dns_name
      dashboard     = module.observability[name].dashboard
    }
  }
}
