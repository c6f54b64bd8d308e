# What devices connect to. TLS ends here, and each connection begins with a PROXY header that says who the device is.

resource "aws_security_group" "load_balancer" {
  region      = local.aws_region
  name        = "${local.name}-devices"
  description = "Load balancer of the edges in ${var.region}"
  vpc_id      = aws_vpc.this.id
  tags        = merge(local.tags, { Name = "${local.name}-devices" })
}

locals {
  doors = {
    mqtts = { port = var.topology.public_ports.mqtts, cidrs = var.device_cidrs }
    https = { port = var.topology.public_ports.https, cidrs = var.device_cidrs }
    mqtt  = { port = var.topology.public_ports.mqtt, cidrs = var.plain_cidrs }
  }
  ingress = merge([for name, door in local.doors : { for cidr in door.cidrs : "${name} ${cidr}" => { port = door.port, cidr = cidr } }]...)
  # Targets by what they listen for.
  targets = { mqtt = var.topology.ports.mqtt, websocket = var.topology.ports.websocket }
}

resource "aws_vpc_security_group_ingress_rule" "devices" {
  for_each          = local.ingress
  region            = local.aws_region
  security_group_id = aws_security_group.load_balancer.id
  description       = "Devices: ${each.key}"
  cidr_ipv4         = each.value.cidr
  from_port         = each.value.port
  to_port           = each.value.port
  ip_protocol       = "tcp"
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "to_edges" {
  for_each                     = local.targets
  region                       = local.aws_region
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Edges: ${each.key}"
  referenced_security_group_id = aws_security_group.edge.id
  from_port                    = each.value
  to_port                      = each.value
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

resource "aws_lb" "this" {
  region                           = local.aws_region
  name                             = "${local.name}-nlb"
  load_balancer_type               = "network"
  internal                         = false
  subnets                          = [for subnet in aws_subnet.public : subnet.id]
  security_groups                  = [aws_security_group.load_balancer.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
  tags                             = local.tags

  dynamic "access_logs" {
    for_each = var.access_log_bucket[*]
    content {
      bucket  = access_logs.value
      prefix  = local.name
      enabled = true
    }
  }
}

resource "aws_lb_target_group" "edge" {
  for_each          = local.targets
  region            = local.aws_region
  name              = "${local.name}-${each.key == "mqtt" ? "mqtt" : "ws"}"
  vpc_id            = aws_vpc.this.id
  target_type       = "ip"
  protocol          = "TCP"
  port              = each.value
  proxy_protocol_v2 = true
  tags              = local.tags

  # An edge that is to end gets no new connections, then SIGTERM, and sends its clients away itself. Nobody else cuts them off:
  # not when it leaves the group, and not because it says that it is not ready any more.
  deregistration_delay   = "5"
  connection_termination = false
  target_health_state {
    enable_unhealthy_connection_termination = false
    unhealthy_draining_interval             = var.topology.drain.seconds
  }

  # With a PROXY header, as everything that this group sends: so it asks the listener that expects one.
  # ECS ends tasks that are unhealthy here. All edges are not ready while a core takes over, which is no reason to: 30 s. DNS asks
  # edges itself, and leaves the region earlier.
  health_check {
    protocol            = "HTTP"
    path                = "/readyz"
    port                = tostring(var.topology.ports.websocket)
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 6
  }
}

resource "aws_lb_listener" "tls" {
  for_each          = { mqtts = "mqtt", https = "websocket" }
  region            = local.aws_region
  load_balancer_arn = aws_lb.this.arn
  port              = var.topology.public_ports[each.key]
  protocol          = "TLS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.edge[each.value].arn
  }
}

resource "aws_lb_listener" "plain" {
  count             = length(var.plain_cidrs) > 0 ? 1 : 0
  region            = local.aws_region
  load_balancer_arn = aws_lb.this.arn
  port              = var.topology.public_ports.mqtt
  protocol          = "TCP"
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.edge["mqtt"].arn
  }
}
