output "name" {
  description = "As given: begins the name of everything that is made."
  value       = var.name
}

output "regions" {
  description = "What each region needs to know, by name. `edge_command` and `core_commands` are words after `meridian`; secrets are not among them."
  value = {
    for name, region in var.regions : name => {
      name       = name
      aws_region = coalesce(region.aws_region, name)
      site       = region.site
      sites      = local.sites_by_distance[name]
      failover   = try(local.nearest[name][0], null)
      share      = length(var.regions) == 1 ? 100 : region.share
      # Of the load balancer there, whatever its health; and the name that DNS leads to, with the next region behind it.
      hostname      = local.hostnames[name]
      near_hostname = "near-${name}.mqtt.${var.domain}"
      zone          = local.zone[name]
      cidr          = local.cidrs[name]
      other_cidrs   = [for other in local.names : local.cidrs[other] if other != name]
      # /20 each: the load balancer's first, then those of tasks and servers.
      subnets = [for letter in region.zones : {
        letter  = letter
        public  = cidrsubnet(local.cidrs[name], 4, index(local.letters, letter))
        private = cidrsubnet(local.cidrs[name], 4, index(local.letters, letter) + 8)
      }]
      edges         = region.edges
      edge_command  = local.edge_commands[name]
      core_commands = try(local.core_commands[name], {})
      rocketmq      = local.rocketmq_ids[name]
    }
  }
}

output "sites" {
  description = "Names of the regions that have a site."
  value       = local.sites
}

output "hostname" {
  description = "Leads a device to the nearest region."
  value       = "mqtt.${var.domain}"
}

output "network" {
  description = "Network of all regions."
  value       = var.network
}

output "peerings" {
  description = "Pairs of regions whose networks have to reach each other, by name: those of which one has a site."
  value = {
    for pair in setproduct(local.names, local.names) : "${pair[0]}-${pair[1]}" => { from = pair[0], to = pair[1] }
    if index(local.names, pair[0]) < index(local.names, pair[1]) && (contains(local.sites, pair[0]) || contains(local.sites, pair[1]))
  }
}

output "ports" {
  description = "What processes listen on, by purpose."
  value       = local.ports
}

output "public_ports" {
  description = "What devices connect to."
  value       = local.public_ports
}

output "drain" {
  description = "As given, with defaults."
  value       = var.drain
}

output "link_is_tls" {
  description = "Cores need a certificate, and edges its authority."
  value       = var.link_scheme == "wss"
}
