mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = { value = "ami-0123456789abcdef0" }
  }
}

variables {
  region          = "eu"
  network         = { vpc_id = "vpc-0", private_subnets = { a = "subnet-a", b = "subnet-b" } }
  cluster_arn     = "arn:aws:ecs:eu-central-1:123456789012:cluster/meridian-eu"
  kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/0"
  image           = { name = "meridian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
  collector_image = "collector@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  rocketmq        = { image = "apache/rocketmq@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
  secrets = {
    link_token       = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-token-AbCdEf"
    state            = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/state-AbCdEf"
    link_certificate = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/eu/certificate-AbCdEf"
    link_key         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/eu/key-AbCdEf"
    link_ca          = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-ca-AbCdEf"
  }
}

run "topology" {
  module { source = "../topology" }
  variables {
    network = "10.64.0.0/12"
    domain  = "example.com"
    regions = {
      eu = { index = 0, aws_region = "eu-central-1", cores = 3 }
      us = { index = 1, aws_region = "us-east-1", cores = 1 }
      ap = { index = 2, aws_region = "ap-southeast-1", site = false }
    }
  }
}

run "cores_are_spread_and_named" {
  variables { topology = run.topology }
  assert {
    condition     = { for id, service in aws_ecs_service.core : id => one(service.network_configuration[0].subnets) } == { "core-a" = "subnet-a", "core-b" = "subnet-b", "core-c" = "subnet-a" }
    error_message = "Cores are not spread over the zones."
  }
  assert {
    condition     = sort([for service in aws_service_discovery_service.this : service.name]) == tolist(["core-a", "core-b", "core-c", "rocketmq-a", "rocketmq-b"]) && aws_service_discovery_private_dns_namespace.this.name == "eu.meridian.internal"
    error_message = "Names are not those that edges and cores are told."
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.core : service.desired_count == 1 && service.deployment_maximum_percent == 100])
    error_message = "Two cores of one name could run at once."
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.core : service.wait_for_steady_state && length(service.deployment_circuit_breaker) == 0])
    error_message = "All cores of a site could be replaced at once, or ECS gives up before RocketMQ is there."
  }
}

run "cores_speak_tls" {
  variables { topology = run.topology }
  assert {
    condition     = strcontains(join(" ", jsondecode(aws_ecs_task_definition.core["core-b"].container_definitions)[1].command), "core --id core-b-eu --site eu") && strcontains(join(" ", jsondecode(aws_ecs_task_definition.core["core-b"].container_definitions)[1].command), "--tls-cert-file /run/meridian/core.pem --tls-key-file /run/meridian/core.key --link-ca-file /run/meridian/link-ca.pem --rocketmq-tls --rocketmq-ca-file /run/meridian/link-ca.pem")
    error_message = "A core does not get its command line, or no certificate."
  }
  assert {
    condition     = alltrue([for one in jsondecode(aws_ecs_task_definition.core["core-a"].container_definitions)[1].secrets : startswith(one.valueFrom, "arn:aws:secretsmanager:eu-central-1:")])
    error_message = "A core does not read the secrets of its region."
  }
  assert {
    condition     = { for rule in aws_vpc_security_group_ingress_rule.links : rule.cidr_ipv4 => "${rule.from_port}-${rule.to_port}" } == { "10.64.0.0/16" = "8090-8090", "10.65.0.0/16" = "8090-8090", "10.66.0.0/16" = "8090-8090" }
    error_message = "Cores are open to others than our regions."
  }
}

run "redis_of_an_own_authority" {
  variables {
    topology = run.topology
    secrets = {
      link_token       = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-token-AbCdEf"
      state            = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/state-AbCdEf"
      state_ca         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/state-ca-AbCdEf"
      link_certificate = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/eu/certificate-AbCdEf"
      link_key         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/eu/key-AbCdEf"
      link_ca          = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-ca-AbCdEf"
    }
  }
  assert {
    condition     = strcontains(join(" ", jsondecode(aws_ecs_task_definition.core["core-a"].container_definitions)[1].command), "--redis-ca-file /run/meridian/state-ca.pem")
    error_message = "A core is not told the authority of Redis."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.execution.policy, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:meridian/state-ca-AbCdEf")
    error_message = "A core may not read the authority of Redis."
  }
}

run "messages_are_on_encrypted_volumes" {
  variables { topology = run.topology }
  assert {
    condition     = length(aws_ebs_volume.messages) == 2 && alltrue([for volume in aws_ebs_volume.messages : volume.encrypted && volume.final_snapshot && volume.kms_key_id == var.kms_key_arn])
    error_message = "A volume is not encrypted, or goes without a snapshot."
  }
  assert {
    condition     = alltrue([for text in values(module.settings.broker_properties) : strcontains(text, "flushDiskType=SYNC_FLUSH")])
    error_message = "RocketMQ acknowledges before it has written."
  }
  assert {
    condition     = alltrue([for instance in aws_instance.rocketmq : instance.metadata_options[0].http_tokens == "required" && !instance.associate_public_ip_address])
    error_message = "A server gives its credentials to whoever asks, or is on the Internet."
  }
}

run "roles_are_for_those_who_run" {
  variables { topology = run.topology }
  assert {
    condition     = keys(jsondecode(aws_iam_role.rocketmq.assume_role_policy).Statement[0]) == ["Action", "Effect", "Principal"]
    error_message = "EC2 cannot take its role."
  }
  assert {
    condition     = jsondecode(aws_iam_role.task.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "Tasks of another account may take the role."
  }
}

run "without_tls_in_a_network_of_ones_own" {
  variables {
    topology = merge(run.topology, { link_is_tls = false })
    secrets = {
      link_token = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-token-AbCdEf"
      state      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/state-AbCdEf"
    }
  }
  assert {
    condition     = !contains(jsondecode(aws_ecs_task_definition.core["core-a"].container_definitions)[0].command, "--tls-cert-file")
    error_message = "A core asks for a certificate that it does not have."
  }
}

run "region_without_a_site" {
  command = plan
  variables {
    topology = run.topology
    region   = "ap"
  }
  expect_failures = [var.topology]
}

run "tls_without_a_certificate" {
  command = plan
  variables {
    topology = run.topology
    secrets = {
      link_token = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/link-token-AbCdEf"
      state      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meridian/state-AbCdEf"
    }
  }
  expect_failures = [var.secrets]
}

run "image_by_tag" {
  command = plan
  variables {
    topology = run.topology
    rocketmq = { image = "apache/rocketmq:5.5.0" }
  }
  expect_failures = [var.rocketmq]
}

run "one_zone" {
  command = plan
  variables {
    topology = run.topology
    network  = { vpc_id = "vpc-0", private_subnets = { a = "subnet-a" } }
  }
  expect_failures = [var.network]
}
