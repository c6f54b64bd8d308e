# Alarms and a dashboard of one region. What is measured comes from the collectors beside edges and cores, and from AWS.

locals {
  region     = var.topology.regions[var.region]
  aws_region = local.region.aws_region
  name       = "${var.topology.name}-${var.region}"
  tags       = { Application = var.topology.name, Region = var.region }
  account    = data.aws_caller_identity.here.account_id
  edge       = { region = var.region, role = "edge" }
  core       = { region = var.region, role = "core" }

  of_edges = merge(
    { for name, group in var.load_balancer.target_groups : "no-edge-for-${name}" => {
      text       = "No edge of ${var.region} takes ${name} connections"
      namespace  = "AWS/NetworkELB"
      metric     = "HealthyHostCount"
      dimensions = { LoadBalancer = var.load_balancer.arn_suffix, TargetGroup = group }
      statistic  = "Minimum"
      operator   = "LessThanThreshold"
      threshold  = 1
      minutes    = 1
      missing    = "breaching"
    } },
    { "edges-full" = {
      text       = "Edges of ${var.region} have more connections than they should: autoscaling is at its end (${local.region.edges.max} edges), or does not work"
      namespace  = "Meridian"
      metric     = "meridian_connections"
      dimensions = local.edge
      statistic  = "Average"
      operator   = "GreaterThanThreshold"
      threshold  = floor(local.region.edges.connections * 1.3)
      minutes    = 10
      missing    = "notBreaching"
    } },
  )
  of_site = !local.region.site ? {} : merge(
    { "no-active-core" = {
      text       = "No core of site ${var.region} is active: edges go to other sites"
      namespace  = "Meridian"
      metric     = "meridian_core_active"
      dimensions = local.core
      statistic  = "Maximum"
      operator   = "LessThanThreshold"
      threshold  = 1
      minutes    = 2
      missing    = "breaching"
    } },
    { "messages-not-stored" = {
      text       = "Commits of the core in ${var.region} fail and are tried again: RocketMQ or Redis is not well"
      namespace  = "Meridian"
      metric     = "meridian_core_commit_failures_total"
      dimensions = local.core
      statistic  = "Maximum"
      operator   = "GreaterThanThreshold"
      threshold  = 0
      minutes    = 3
      missing    = "notBreaching"
    } },
    { "another-site-dead" = {
      text       = "Another site is dead for ${var.region}: its wills are published here, its clients go on elsewhere, what waits for it is kept"
      namespace  = "Meridian"
      metric     = "meridian_core_sites_dead"
      dimensions = local.core
      statistic  = "Maximum"
      operator   = "GreaterThanThreshold"
      threshold  = 0
      minutes    = 1
      missing    = "notBreaching"
    } },
    { for node in local.region.rocketmq : "${node}-disk" => {
      text       = "The volume of ${node} in ${var.region} fills up; above 90 % RocketMQ refuses messages"
      namespace  = "Meridian"
      metric     = "disk_used_percent"
      dimensions = { region = var.region, node = node, path = "/data", fstype = "xfs" }
      statistic  = "Maximum"
      operator   = "GreaterThanThreshold"
      threshold  = var.disk_per_cent
      minutes    = 5
      missing    = "breaching"
    } },
  )
  alarms = merge(local.of_edges, local.of_site)

  charts = concat(
    [
      { title = "Connections per edge", metric = "meridian_connections", stat = "Average", of = local.edge },
      { title = "CONNECT packets", metric = "meridian_connects_total", stat = "Sum", of = local.edge },
      { title = "Messages from devices", metric = "meridian_publishes_received_total", stat = "Sum", of = local.edge },
      { title = "Messages to devices", metric = "meridian_deliveries_total", stat = "Sum", of = local.edge },
      { title = "Messages dropped", metric = "meridian_messages_dropped_total", stat = "Sum", of = local.edge },
      { title = "Reading paused", metric = "meridian_read_pauses_total", stat = "Sum", of = local.edge },
    ],
    [for chart in [
      { title = "Active cores", metric = "meridian_core_active", stat = "Maximum", of = local.core },
      { title = "Sessions", metric = "meridian_core_sessions", stat = "Maximum", of = local.core },
      { title = "Messages in inboxes", metric = "meridian_core_inbox_messages", stat = "Maximum", of = local.core },
      { title = "Other sites linked", metric = "meridian_core_peers", stat = "Maximum", of = local.core },
      { title = "Messages waiting for other sites", metric = "meridian_core_waiting_for_sites", stat = "Maximum", of = local.core },
      { title = "Messages routed", metric = "meridian_core_published_total", stat = "Sum", of = local.core },
    ] : chart if local.region.site],
  )
}

data "aws_caller_identity" "here" {}

resource "aws_kms_key" "alarms" {
  region                  = local.aws_region
  description             = "Alarms of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Account", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${local.account}:root" }, Action = "kms:*", Resource = "*" },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_sns_topic" "alarms" {
  region            = local.aws_region
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.alarms.arn
  tags              = local.tags
}

resource "aws_sns_topic_policy" "alarms" {
  region = local.aws_region
  arn    = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.emails)
  region    = local.aws_region
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  region              = local.aws_region
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = local.tags
}

resource "aws_cloudwatch_dashboard" "this" {
  region         = local.aws_region
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [for i, chart in local.charts : {
      type   = "metric"
      x      = (i % 3) * 8
      y      = floor(i / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = chart.title
        region  = local.aws_region
        stat    = chart.stat
        period  = 60
        metrics = [concat(["Meridian", chart.metric], flatten([for name, value in chart.of : [name, value]]))]
      }
    }]
  })
}
