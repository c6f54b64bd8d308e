# Names that devices connect to:
#   mqtt.DOMAIN              the nearest region, by latency: leads to
#   near-REGION.mqtt.DOMAIN  a pair: the region while it is healthy, else the next one; `share` sends some of its devices there anyway
#   REGION.mqtt.DOMAIN       that region and no other: for devices that choose themselves

locals {
  # A weight of 0 is answered only when no other of the pair is healthy.
  pairs = merge([for name, region in var.regions : merge(
    { "${name} home" = { of = name, to = name, weight = region.failover == null ? 100 : region.share } },
    region.failover == null ? {} : { "${name} next" = { of = name, to = region.failover, weight = 100 - region.share } },
  )]...)
}

# Asked from outside, as a device would: the load balancer answers with an edge that is ready, or not at all.
resource "aws_route53_health_check" "region" {
  for_each          = var.regions
  type              = "HTTPS"
  fqdn              = each.value.hostname
  port              = 443
  resource_path     = "/readyz"
  enable_sni        = true
  request_interval  = 10
  failure_threshold = 2
  measure_latency   = true
  tags              = { Application = var.name, Region = each.key, Name = "${var.name}-${each.key}" }
}

resource "aws_route53_record" "region" {
  for_each = var.regions
  zone_id  = var.zone_id
  name     = each.value.hostname
  type     = "A"

  alias {
    name                   = each.value.load_balancer.dns_name
    zone_id                = each.value.load_balancer.zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "pair" {
  for_each        = local.pairs
  zone_id         = var.zone_id
  name            = var.regions[each.value.of].near_hostname
  type            = "A"
  set_identifier  = each.value.to
  health_check_id = aws_route53_health_check.region[each.value.to].id

  weighted_routing_policy {
    weight = each.value.weight
  }

  alias {
    name                   = var.regions[each.value.to].load_balancer.dns_name
    zone_id                = var.regions[each.value.to].load_balancer.zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "nearest" {
  for_each       = var.regions
  zone_id        = var.zone_id
  name           = var.hostname
  type           = "A"
  set_identifier = each.key

  latency_routing_policy {
    region = each.value.aws_region
  }

  alias {
    name                   = each.value.near_hostname
    zone_id                = var.zone_id
    evaluate_target_health = true
  }
  depends_on = [aws_route53_record.pair]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each            = var.alarm == null ? {} : var.regions
  region              = "us-east-1"
  alarm_name          = "${var.name}-${each.key}-not-reachable"
  alarm_description   = "No edge of ${each.key} answers /readyz from outside: DNS leads its devices to ${coalesce(each.value.failover, "nowhere else")}"
  namespace           = "AWS/Route53"
  metric_name         = "HealthCheckStatus"
  dimensions          = { HealthCheckId = aws_route53_health_check.region[each.key].id }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm[*].topic_arn
  ok_actions          = var.alarm[*].topic_arn
}
