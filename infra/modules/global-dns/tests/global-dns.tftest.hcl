mock_provider "aws" {}

variables {
  name     = "meridian"
  zone_id  = "Z0123456789ABCDEFGHIJ"
  hostname = "mqtt.example.com"
  regions = {
    eu = { aws_region = "eu-central-1", hostname = "eu.mqtt.example.com", near_hostname = "near-eu.mqtt.example.com", failover = "us", share = 100, load_balancer = { dns_name = "eu.elb", zone_id = "ZEU" } }
    us = { aws_region = "us-east-1", hostname = "us.mqtt.example.com", near_hostname = "near-us.mqtt.example.com", failover = "eu", share = 90, load_balancer = { dns_name = "us.elb", zone_id = "ZUS" } }
  }
}

run "nearest_region_by_latency" {
  assert {
    condition     = { for name, record in aws_route53_record.nearest : name => "${record.name} ${record.latency_routing_policy[0].region} ${record.alias[0].name}" } == { eu = "mqtt.example.com eu-central-1 near-eu.mqtt.example.com", us = "mqtt.example.com us-east-1 near-us.mqtt.example.com" }
    error_message = "A region has no latency record that leads to its pair."
  }
}

run "the_next_region_behind_each" {
  assert {
    condition     = { for key, record in aws_route53_record.pair : key => "${record.alias[0].name} ${record.weighted_routing_policy[0].weight}" } == { "eu home" = "eu.elb 100", "eu next" = "us.elb 0", "us home" = "us.elb 90", "us next" = "eu.elb 10" }
    error_message = "A pair is not the region and the next one, by its share."
  }
  assert {
    condition     = aws_route53_record.pair["eu next"].health_check_id == aws_route53_health_check.region["us"].id && alltrue([for record in aws_route53_record.pair : record.alias[0].evaluate_target_health])
    error_message = "A record of a pair does not depend on the health of the region that it leads to."
  }
}

run "a_region_by_its_name_is_that_region" {
  assert {
    condition     = aws_route53_record.region["eu"].alias[0].name == "eu.elb" && aws_route53_record.region["eu"].alias[0].evaluate_target_health == false
    error_message = "The name of a region may lead to another one."
  }
  assert {
    condition     = alltrue([for check in aws_route53_health_check.region : check.type == "HTTPS" && check.resource_path == "/readyz" && check.request_interval == 10])
    error_message = "Health is not asked for over HTTPS at /readyz every 10 s."
  }
}

run "alarms_if_somebody_hears_them" {
  variables { alarm = { topic_arn = "arn:aws:sns:us-east-1:123456789012:alarms" } }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.unhealthy) == 2 && alltrue([for alarm in aws_cloudwatch_metric_alarm.unhealthy : alarm.region == "us-east-1"])
    error_message = "There is no alarm per region, or not where Route 53 has its metrics."
  }
}

run "one_region" {
  variables {
    regions = { eu = { aws_region = "eu-central-1", hostname = "eu.mqtt.example.com", near_hostname = "near-eu.mqtt.example.com", share = 50, load_balancer = { dns_name = "eu.elb", zone_id = "ZEU" } } }
  }
  assert {
    condition     = keys(aws_route53_record.pair) == ["eu home"] && aws_route53_record.pair["eu home"].weighted_routing_policy[0].weight == 100
    error_message = "A single region does not keep all of its devices."
  }
}

run "fails_over_to_nowhere" {
  command = plan
  variables {
    regions = { eu = { aws_region = "eu-central-1", hostname = "eu", near_hostname = "near-eu", failover = "mars", share = 100, load_balancer = { dns_name = "eu.elb", zone_id = "ZEU" } } }
  }
  expect_failures = [var.regions]
}

run "zone_that_is_none" {
  command = plan
  variables { zone_id = "example.com" }
  expect_failures = [var.zone_id]
}
