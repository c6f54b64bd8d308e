# The cores: one service each, so that each has a name. One is active, the others stand by; which one is decided in Redis.

locals {
  region     = var.topology.regions[var.region]
  aws_region = local.region.aws_region
  name       = "${var.topology.name}-${var.region}"
  tags       = { Application = var.topology.name, Region = var.region }
  tls        = var.topology.link_is_tls
  letters    = sort(keys(var.network.private_subnets))
  cores      = { for i, id in keys(local.region.core_commands) : id => var.network.private_subnets[local.letters[i % length(local.letters)]] }
  everywhere = toset(concat([local.region.cidr], local.region.other_cidrs))

  # Replicas of a secret differ in the region alone.
  given = merge(
    { link_token = var.secrets.link_token, state = var.secrets.state },
    { for name in ["link_certificate", "link_key", "link_ca"] : name => var.secrets[name] if local.tls },
    { for arn in var.secrets.state_ca[*] : "state_ca" => arn },
  )
  secret = { for name, arn in local.given : name => replace(arn, "/^(arn:aws:secretsmanager:)[^:]+/", "$${1}${local.aws_region}") }

  files = merge(
    local.tls ? { "core.pem" = local.secret.link_certificate, "core.key" = local.secret.link_key, "link-ca.pem" = local.secret.link_ca } : {},
    { for name in ["state_ca"] : "state-ca.pem" => local.secret[name] if var.secrets[name] != null },
  )
  flags = concat(
    local.tls ? ["--tls-cert-file", "/run/meridian/core.pem", "--tls-key-file", "/run/meridian/core.key", "--link-ca-file", "/run/meridian/link-ca.pem", "--rocketmq-tls", "--rocketmq-ca-file", "/run/meridian/link-ca.pem"] : [],
    var.secrets.state_ca == null ? [] : ["--redis-ca-file", "/run/meridian/state-ca.pem"],
  )

  metric_names = ["meridian_core_active", "meridian_core_sessions", "meridian_core_online", "meridian_core_inbox_messages", "meridian_core_published_total", "meridian_core_commit_failures_total", "meridian_core_inbox_dropped_total", "meridian_core_peers", "meridian_core_sites_dead", "meridian_core_waiting_for_sites"]
  dimensions   = { region = var.region, role = "core" }
}

data "aws_caller_identity" "here" {}

module "task" {
  for_each     = local.cores
  source       = "../task"
  name         = each.key
  image        = var.image.name
  command      = concat(local.region.core_commands[each.key], local.flags)
  secrets      = { MERIDIAN_LINK_TOKEN = local.secret.link_token, MERIDIAN_STATE = local.secret.state }
  files        = local.files
  ports        = [var.topology.ports.core]
  health       = { port = var.topology.ports.core, tls = local.tls }
  stop_seconds = 30
  logs         = { group = aws_cloudwatch_log_group.core.name, region = local.aws_region }
  metrics = {
    image      = var.collector_image
    namespace  = "Meridian"
    names      = local.metric_names
    dimensions = local.dimensions
  }
}

resource "aws_cloudwatch_log_group" "core" {
  region            = local.aws_region
  name              = "/${var.topology.name}/${var.region}/core"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_ecs_task_definition" "core" {
  for_each                 = local.cores
  region                   = local.aws_region
  family                   = "${local.name}-${each.key}"
  container_definitions    = module.task[each.key].containers
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.size.cpu)
  memory                   = tostring(var.size.memory)
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = local.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  dynamic "volume" {
    for_each = module.task[each.key].volumes
    content {
      name = volume.value
    }
  }
}

# Names within the regions: core-a.REGION.NAME.internal and so on.
resource "aws_service_discovery_private_dns_namespace" "this" {
  region      = local.aws_region
  name        = local.region.zone
  description = "Cores and RocketMQ of ${var.region}"
  vpc         = var.network.vpc_id
  tags        = local.tags
}

resource "aws_service_discovery_service" "this" {
  for_each      = toset(concat(keys(local.cores), local.region.rocketmq))
  region        = local.aws_region
  name          = each.key
  description   = "${each.key} of ${var.region}"
  force_destroy = true
  tags          = local.tags

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 5
    }
  }
}

resource "aws_security_group" "core" {
  region      = local.aws_region
  name        = "${local.name}-core"
  description = "Cores in ${var.region}"
  vpc_id      = var.network.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-core" })
}

resource "aws_vpc_security_group_ingress_rule" "links" {
  for_each          = local.everywhere
  region            = local.aws_region
  security_group_id = aws_security_group.core.id
  description       = "Edges and cores in ${each.key}"
  cidr_ipv4         = each.key
  from_port         = var.topology.ports.core
  to_port           = var.topology.ports.core
  ip_protocol       = "tcp"
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "peers" {
  for_each          = local.everywhere
  region            = local.aws_region
  security_group_id = aws_security_group.core.id
  description       = "Cores in ${each.key}"
  cidr_ipv4         = each.key
  from_port         = var.topology.ports.core
  to_port           = var.topology.ports.core
  ip_protocol       = "tcp"
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "rocketmq" {
  region                       = local.aws_region
  security_group_id            = aws_security_group.core.id
  description                  = "RocketMQ"
  referenced_security_group_id = aws_security_group.rocketmq.id
  from_port                    = var.topology.ports.proxy
  to_port                      = var.topology.ports.proxy
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

# Redis; images, secrets and logs.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = { redis = var.state_port, https = 443 }
  region            = local.aws_region
  security_group_id = aws_security_group.core.id
  description       = "Port ${each.value}"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = each.value
  to_port           = each.value
  ip_protocol       = "tcp"
  tags              = local.tags
}

resource "aws_ecs_service" "core" {
  for_each         = local.cores
  region           = local.aws_region
  name             = each.key
  cluster          = var.cluster_arn
  task_definition  = aws_ecs_task_definition.core[each.key].arn
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  desired_count    = 1
  # Never two of one name. The next one of a site is replaced when this one runs again, if `apply` makes one change at a time.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  wait_for_steady_state              = true
  availability_zone_rebalancing      = "DISABLED"
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  tags                               = local.tags

  # No circuit breaker: a core ends and is started again until RocketMQ has its topics, minutes after the first apply. A breaker would
  # give up, with nothing to go back to.
  network_configuration {
    subnets          = [each.value]
    security_groups  = [aws_security_group.core.id]
    assign_public_ip = false
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this[each.key].arn
  }

  # What it waits for must not be made after it.
  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy.rocketmq,
    aws_service_discovery_instance.rocketmq,
    aws_volume_attachment.messages,
    aws_vpc_security_group_egress_rule.among,
    aws_vpc_security_group_egress_rule.out,
    aws_vpc_security_group_egress_rule.rocketmq,
    aws_vpc_security_group_egress_rule.rocketmq_https,
    aws_vpc_security_group_ingress_rule.among,
    aws_vpc_security_group_ingress_rule.proxy,
  ]
}
