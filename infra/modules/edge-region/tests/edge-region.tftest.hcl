mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  region          = "eu"
  image           = { name = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/meridian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/meridian" }
  collector_image = "collector@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
  secrets = {
    link_token    = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-token-AbCdEf"
    link_ca       = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-ca-AbCdEf"
    password_file = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/users-AbCdEf"
  }
}

run "topology" {
  module { source = "../topology" }
  variables {
    domain = "example.com"
    regions = {
      eu = { index = 0, aws_region = "eu-central-1", edges = { min = 2, max = 6, connections = 5000 } }
      us = { index = 1, aws_region = "us-east-1" }
    }
  }
}

run "everything_is_in_its_region" {
  variables { topology = run.topology }
  assert {
    condition     = alltrue([for one in [aws_vpc.this, aws_lb.this, aws_ecs_service.edge, aws_kms_key.this, aws_cloudwatch_log_group.edge, aws_appautoscaling_policy.connections] : one.region == "eu-central-1"])
    error_message = "Something is made in the provider's own region."
  }
  assert {
    condition     = { for letter, subnet in aws_subnet.private : letter => "${subnet.availability_zone} ${subnet.cidr_block}" } == { a = "eu-central-1a 10.64.128.0/20", b = "eu-central-1b 10.64.144.0/20" }
    error_message = "Subnets are not one per zone."
  }
}

run "devices_come_in_over_tls_only" {
  variables { topology = run.topology }
  assert {
    condition     = length(aws_lb_listener.plain) == 0 && sort([for rule in aws_vpc_security_group_ingress_rule.devices : tostring(rule.from_port)]) == tolist(["443", "8883"])
    error_message = "Port 1883 is open though nobody asked for it."
  }
  assert {
    condition     = { for name, listener in aws_lb_listener.tls : name => "${listener.protocol} ${listener.port}" } == { https = "TLS 443", mqtts = "TLS 8883" }
    error_message = "The load balancer does not listen with TLS."
  }
}

run "plain_mqtt_for_those_who_are_named" {
  variables {
    topology    = run.topology
    plain_cidrs = ["192.0.2.0/24"]
  }
  assert {
    condition     = aws_lb_listener.plain[0].port == 1883 && aws_vpc_security_group_ingress_rule.devices["mqtt 192.0.2.0/24"].cidr_ipv4 == "192.0.2.0/24"
    error_message = "Port 1883 is not open for the network that was named, or for more."
  }
}

run "edges_drain_themselves" {
  variables { topology = run.topology }
  assert {
    condition = alltrue([for group in aws_lb_target_group.edge :
      group.proxy_protocol_v2 && !group.connection_termination && group.deregistration_delay == "5"
      && !group.target_health_state[0].enable_unhealthy_connection_termination
      && group.health_check[0].path == "/readyz" && group.health_check[0].port == "8083"
    ])
    error_message = "The load balancer cuts clients off before the edge has sent them away, or asks a port that expects no PROXY header."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.edge.container_definitions)[1].stopTimeout == 120
    error_message = "An edge is killed before it has drained."
  }
}

run "edges_outlive_the_time_without_a_core" {
  variables { topology = run.topology }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.edge : group.health_check[0].interval * group.health_check[0].unhealthy_threshold >= 30]) && aws_ecs_service.edge.health_check_grace_period_seconds >= 900
    error_message = "ECS ends edges while a core takes over, or before there is one."
  }
}

run "scales_on_connections" {
  variables { topology = run.topology }
  assert {
    condition     = aws_appautoscaling_target.edge.min_capacity == 2 && aws_appautoscaling_target.edge.max_capacity == 6
    error_message = "Bounds of the autoscaling are not as given."
  }
  assert {
    condition     = aws_appautoscaling_policy.connections.target_tracking_scaling_policy_configuration[0].target_value == 5000
    error_message = "The autoscaling does not aim at the connections per edge that were given."
  }
}

run "secrets_are_read_by_the_task_alone" {
  variables { topology = run.topology }
  assert {
    condition     = alltrue([for arn in module.task.secret_arns : startswith(arn, "arn:aws:secretsmanager:eu-central-1:")]) && length(module.task.secret_arns) == 3
    error_message = "The task does not read the replicas of its region."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Resource != ["*"] || statement.Action == ["ecr:GetAuthorizationToken"]])
    error_message = "The role that starts tasks may do something with everything."
  }
  assert {
    condition     = strcontains(join(" ", jsondecode(aws_ecs_task_definition.edge.container_definitions)[1].command), "--auth-password-file /run/meridian/users")
    error_message = "The edge does not know its users."
  }
}

run "unknown_region" {
  command = plan
  variables {
    topology = run.topology
    region   = "mars"
  }
  expect_failures = [var.topology]
}

run "the_whole_internet_without_tls" {
  command = plan
  variables {
    topology    = run.topology
    plain_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.plain_cidrs]
}

run "secret_by_value" {
  command = plan
  variables {
    topology = run.topology
    secrets  = { link_token = "0123456789abcdef", password_file = "alice" }
  }
  expect_failures = [var.secrets]
}

run "size_that_fargate_does_not_have" {
  command = plan
  variables {
    topology = run.topology
    size     = { cpu = 1000 }
  }
  expect_failures = [var.size]
}
