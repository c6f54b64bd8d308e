mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  region        = "eu"
  load_balancer = { arn_suffix = "net/meridian-eu-nlb/0", target_groups = { mqtt = "targetgroup/meridian-eu-mqtt/0", websocket = "targetgroup/meridian-eu-ws/0" } }
  emails        = ["ops@example.com"]
}

run "topology" {
  module { source = "../topology" }
  variables {
    domain = "example.com"
    regions = {
      eu = { index = 0, aws_region = "eu-central-1" }
      ap = { index = 1, aws_region = "ap-southeast-1", site = false }
    }
  }
}

run "a_site_and_its_edges_are_watched" {
  variables { topology = run.topology }
  assert {
    condition     = sort(keys(aws_cloudwatch_metric_alarm.this)) == tolist(["another-site-dead", "edges-full", "messages-not-stored", "no-active-core", "no-edge-for-mqtt", "no-edge-for-websocket", "rocketmq-a-disk", "rocketmq-b-disk"])
    error_message = "Alarms are not those expected."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-active-core"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["no-active-core"].dimensions == tomap({ region = "eu", role = "core" })
    error_message = "A core that says nothing would count as active."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(alarm.alarm_actions) == 1 && alarm.region == "eu-central-1"])
    error_message = "An alarm is heard by nobody."
  }
}

run "alarms_are_encrypted" {
  variables { topology = run.topology }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.alarms.arn && aws_kms_key.alarms.enable_key_rotation
    error_message = "The topic of alarms is not encrypted."
  }
  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.com"].protocol == "email"
    error_message = "Nobody gets alarms."
  }
}

run "without_a_site" {
  variables {
    topology = run.topology
    region   = "ap"
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "no-active-core") && length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 6
    error_message = "A region without a site is asked for its cores."
  }
}

run "no_address" {
  command = plan
  variables {
    topology = run.topology
    emails   = ["ops"]
  }
  expect_failures = [var.emails]
}

run "disk_alarm_too_late" {
  command = plan
  variables {
    topology      = run.topology
    disk_per_cent = 95
  }
  expect_failures = [var.disk_per_cent]
}
