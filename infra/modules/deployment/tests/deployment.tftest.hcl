mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = { value = "ami-0123456789abcdef0" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.1" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/state-AbCdEf" }
  }
}
mock_provider "upstash" {
  mock_resource "upstash_redis_database" {
    defaults = { endpoint = "global-db.upstash.io", port = 6379, password = "secret" }
  }
}

variables {
  domain  = "example.com"
  zone_id = "Z0123456789ABCDEFGHIJ"
  images = {
    meridian  = "meridian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    rocketmq  = "apache/rocketmq@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    collector = "collector@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  redis = { primary_region = "eu-central-1", read_regions = ["us-east-1"] }
  secrets = {
    link_token    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/link-token-AbCdEf"
    link_ca       = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/link-ca-AbCdEf"
    password_file = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/users-AbCdEf"
    links = {
      eu = { certificate = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/eu/certificate-AbCdEf", key = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/eu/key-AbCdEf" }
      us = { certificate = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/us/certificate-AbCdEf", key = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/us/key-AbCdEf" }
    }
  }
  regions = {
    eu = { index = 0, aws_region = "eu-central-1", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", near = ["us"] }
    us = { index = 1, aws_region = "us-east-1", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0", near = ["eu"] }
    ap = { index = 2, aws_region = "ap-southeast-1", certificate_arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/0", near = ["us"], site = false }
  }
}

run "can_be_planned_before_anything_is_there" {
  command = plan
  assert {
    condition     = keys(module.peering) == ["ap-eu", "ap-us", "eu-us"]
    error_message = "What is to be made depends on what is not there yet."
  }
}

run "three_regions_of_which_two_have_a_site" {
  assert {
    condition     = keys(module.edge) == ["ap", "eu", "us"] && keys(module.site) == ["eu", "us"] && keys(module.peering) == ["ap-eu", "ap-us", "eu-us"]
    error_message = "Edges, sites and peerings are not those of the map."
  }
  assert {
    condition     = output.hostname == "mqtt.example.com" && output.regions.ap.hostname == "ap.mqtt.example.com"
    error_message = "Names are not those that devices are told."
  }
}

run "settings_of_the_modules_beneath" {
  variables {
    network           = "10.128.0.0/12"
    drain             = { seconds = 60, clients_per_second = 300 }
    edge_size         = { cpu = 2048, memory = 4096 }
    core_size         = { cpu = 4096, memory = 16384 }
    device_cidrs      = ["198.51.100.0/24"]
    log_days          = 30
    disk_per_cent     = 60
    unreachable_alarm = { topic_arn = "arn:aws:sns:us-east-1:123456789012:alarms" }
  }
  assert {
    condition     = module.topology.network == "10.128.0.0/12" && local.regions.us.cidr == "10.129.0.0/16"
    error_message = "Regions are not in the network that was asked for."
  }
  assert {
    condition     = module.topology.drain == { seconds = 60, clients_per_second = 300 } && strcontains(join(" ", local.regions.ap.edge_command), "--limits-drain-clients-per-sec 300")
    error_message = "Edges do not end as was asked for."
  }
}

run "one_region" {
  variables {
    regions = { eu = { index = 0, aws_region = "eu-central-1", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0" } }
    redis   = { primary_region = "eu-central-1" }
  }
  assert {
    condition     = keys(module.edge) == ["eu"] && keys(module.site) == ["eu"] && length(module.peering) == 0
    error_message = "One region is not an edge region and a site."
  }
}

run "site_without_a_certificate" {
  command = plan
  variables {
    regions = { jp = { index = 0, aws_region = "ap-northeast-1", certificate_arn = "arn:aws:acm:ap-northeast-1:123456789012:certificate/0" } }
  }
  expect_failures = [var.secrets]
}

run "topic_where_route_53_has_no_metrics" {
  command = plan
  variables { unreachable_alarm = { topic_arn = "arn:aws:sns:eu-central-1:123456789012:alarms" } }
  expect_failures = [var.unreachable_alarm]
}
