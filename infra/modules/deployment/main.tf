# All of Meridian on AWS: what follows from a map of regions, put together. Every resource says its region, so one provider makes them all.

module "topology" {
  source  = "../topology"
  name    = var.name
  domain  = var.domain
  network = var.network
  regions = var.regions
  drain   = var.drain
}

locals {
  regions = module.topology.regions
  sites   = { for name in module.topology.sites : name => local.regions[name] }
  image   = { name = var.images.meridian, repository_arn = var.images.repository_arn }
}

module "edge" {
  for_each            = local.regions
  source              = "../edge-region"
  topology            = module.topology
  region              = each.key
  image               = local.image
  collector_image     = var.images.collector
  certificate_arn     = var.regions[each.key].certificate_arn
  device_cidrs        = var.device_cidrs
  plain_cidrs         = var.plain_cidrs
  size                = var.edge_size
  log_days            = var.log_days
  access_log_bucket   = var.regions[each.key].access_log_bucket
  deletion_protection = var.deletion_protection
  secrets = {
    link_token    = var.secrets.link_token
    link_ca       = var.secrets.link_ca
    password_file = var.secrets.password_file
    acl_file      = var.secrets.acl_file
    kms_key_arns  = var.secrets.kms_key_arns
  }
}

module "redis" {
  source            = "../global-redis"
  name              = var.name
  primary_region    = var.redis.primary_region
  read_regions      = var.redis.read_regions
  high_availability = var.redis.high_availability
  allowed_cidrs     = flatten([for name in keys(local.sites) : module.edge[name].nat_cidrs])
  secret_version    = var.redis.secret_version
  secret_regions    = [for site in local.sites : site.aws_region]
}

module "site" {
  for_each        = local.sites
  source          = "../core-site"
  topology        = module.topology
  region          = each.key
  network         = module.edge[each.key].network
  cluster_arn     = module.edge[each.key].cluster.arn
  kms_key_arn     = module.edge[each.key].kms_key_arn
  image           = local.image
  collector_image = var.images.collector
  size            = var.core_size
  state_port      = module.redis.port
  log_days        = var.log_days
  rocketmq        = merge(var.rocketmq, { image = var.images.rocketmq })
  secrets = {
    link_token       = var.secrets.link_token
    state            = module.redis.url_secret_arn
    link_certificate = var.secrets.links[each.key].certificate
    link_key         = var.secrets.links[each.key].key
    link_ca          = var.secrets.link_ca
    kms_key_arns     = var.secrets.kms_key_arns
  }
}

module "peering" {
  for_each = module.topology.peerings
  source   = "../region-peering"
  name     = var.name
  from     = merge(local.regions[each.value.from], { network = module.edge[each.value.from].network, hosted_zone_id = try(module.site[each.value.from].hosted_zone_id, null) })
  to       = merge(local.regions[each.value.to], { network = module.edge[each.value.to].network, hosted_zone_id = try(module.site[each.value.to].hosted_zone_id, null) })
}

module "observability" {
  for_each      = local.regions
  source        = "../observability"
  topology      = module.topology
  region        = each.key
  load_balancer = { arn_suffix = module.edge[each.key].load_balancer.arn_suffix, target_groups = module.edge[each.key].target_groups }
  emails        = var.emails
  disk_per_cent = var.disk_per_cent
}

module "dns" {
  source   = "../global-dns"
  name     = var.name
  zone_id  = var.zone_id
  hostname = module.topology.hostname
  # Only topics there hear of it.
  alarm   = var.unreachable_alarm != null ? var.unreachable_alarm : one([for name, region in local.regions : { topic_arn = module.observability[name].alarm_topic_arn } if region.aws_region == "us-east-1"])
  regions = { for name, region in local.regions : name => merge(region, { load_balancer = module.edge[name].load_balancer }) }
}
