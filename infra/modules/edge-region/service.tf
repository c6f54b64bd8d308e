# The edges: tasks on Fargate, as many as connections need.

locals {
  # Replicas of a secret differ in the region alone.
  secret = { for name, arn in {
    link_token    = var.secrets.link_token
    link_ca       = var.topology.link_is_tls ? var.secrets.link_ca : null
    password_file = var.secrets.password_file
    acl_file      = var.secrets.acl_file
  } : name => replace(arn, "/^(arn:aws:secretsmanager:)[^:]+/", "$${1}${local.aws_region}") if arn != null }

  files = { for file, secret in { "link-ca.pem" = "link_ca", "users" = "password_file", "acl" = "acl_file" } : file => local.secret[secret] if contains(keys(local.secret), secret) }
  flags = { "link-ca.pem" = "--link-ca-file", "users" = "--auth-password-file", "acl" = "--auth-acl-file" }

  metric_names = ["meridian_connections", "meridian_connects_total", "meridian_publishes_received_total", "meridian_deliveries_total", "meridian_messages_dropped_total", "meridian_read_pauses_total"]
  dimensions   = { region = var.region, role = "edge" }
}

module "task" {
  source       = "../task"
  name         = "edge"
  image        = var.image.name
  command      = concat(local.region.edge_command, flatten([for file in keys(local.files) : [local.flags[file], "/run/meridian/${file}"]]))
  secrets      = { MERIDIAN_LINK_TOKEN = local.secret.link_token }
  files        = local.files
  ports        = values(local.targets)
  health       = { port = var.topology.ports.status }
  stop_seconds = var.topology.drain.seconds
  logs         = { group = aws_cloudwatch_log_group.edge.name, region = local.aws_region }
  metrics = {
    image      = var.collector_image
    namespace  = "Meridian"
    names      = local.metric_names
    dimensions = local.dimensions
  }
}

resource "aws_ecs_cluster" "this" {
  region = local.aws_region
  name   = local.name
  tags   = local.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "edge" {
  region                   = local.aws_region
  family                   = "${local.name}-edge"
  container_definitions    = module.task.containers
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
    for_each = module.task.volumes
    content {
      name = volume.value
    }
  }
}

resource "aws_security_group" "edge" {
  region      = local.aws_region
  name        = "${local.name}-edge"
  description = "Edges in ${var.region}"
  vpc_id      = aws_vpc.this.id
  tags        = merge(local.tags, { Name = "${local.name}-edge" })
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  for_each                     = local.targets
  region                       = local.aws_region
  security_group_id            = aws_security_group.edge.id
  description                  = "Load balancer: ${each.key}"
  referenced_security_group_id = aws_security_group.load_balancer.id
  from_port                    = each.value
  to_port                      = each.value
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "to_cores" {
  for_each          = toset(concat([local.region.cidr], local.region.other_cidrs))
  region            = local.aws_region
  security_group_id = aws_security_group.edge.id
  description       = "Cores in ${each.key}"
  cidr_ipv4         = each.key
  from_port         = var.topology.ports.core
  to_port           = var.topology.ports.core
  ip_protocol       = "tcp"
  tags              = local.tags
}

# Images, secrets and logs, and the health of other regions: all of it HTTPS.
resource "aws_vpc_security_group_egress_rule" "https" {
  region            = local.aws_region
  security_group_id = aws_security_group.edge.id
  description       = "HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = local.tags
}

resource "aws_ecs_service" "edge" {
  region                             = local.aws_region
  name                               = "edge"
  cluster                            = aws_ecs_cluster.this.arn
  task_definition                    = aws_ecs_task_definition.edge.arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = local.region.edges.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # Edges are ready when a core is there: at the first apply servers, Redis and RocketMQ come before it. Without this time ECS would
  # end them, and then give the deployment up.
  health_check_grace_period_seconds = 1800
  availability_zone_rebalancing     = "ENABLED"
  enable_ecs_managed_tags           = true
  propagate_tags                    = "SERVICE"
  tags                              = local.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.edge.id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = local.targets
    content {
      target_group_arn = aws_lb_target_group.edge[load_balancer.key].arn
      container_name   = "edge"
      container_port   = load_balancer.value
    }
  }

  # Autoscaling changes it.
  lifecycle {
    ignore_changes = [desired_count]
  }
  depends_on = [aws_lb_listener.tls, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "edge" {
  region             = local.aws_region
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.edge.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = local.region.edges.min
  max_capacity       = local.region.edges.max
  tags               = local.tags
}

# Connections stay where they are: more edges help those that come. So it grows early and shrinks late.
resource "aws_appautoscaling_policy" "connections" {
  region             = local.aws_region
  name               = "${local.name}-connections"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.edge.service_namespace
  resource_id        = aws_appautoscaling_target.edge.resource_id
  scalable_dimension = aws_appautoscaling_target.edge.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = local.region.edges.connections
    scale_out_cooldown = 60
    scale_in_cooldown  = 900

    customized_metric_specification {
      namespace   = "Meridian"
      metric_name = "meridian_connections"
      statistic   = "Average"

      dynamic "dimensions" {
        for_each = local.dimensions
        content {
          name  = dimensions.key
          value = dimensions.value
        }
      }
    }
  }
}
