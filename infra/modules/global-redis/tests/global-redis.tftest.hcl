mock_provider "aws" {}
mock_provider "upstash" {
  mock_resource "upstash_redis_database" {
    defaults = { endpoint = "global-db.upstash.io", port = 6379, password = "a/b" }
  }
}

variables {
  name           = "meridian"
  primary_region = "eu-central-1"
  read_regions   = ["us-east-1", "ap-southeast-1"]
  allowed_cidrs  = ["192.0.2.1/32"]
  secret_regions = ["eu-central-1", "us-east-1"]
}

run "global_encrypted_and_no_cache" {
  assert {
    condition     = upstash_redis_database.this.region == "global" && upstash_redis_database.this.primary_region == "eu-central-1" && length(upstash_redis_database.this.read_regions) == 2
    error_message = "The database is not in the regions that were asked for."
  }
  assert {
    condition     = upstash_redis_database.this.tls && !upstash_redis_database.this.eviction && upstash_redis_database.this.prod_pack
    error_message = "The database speaks in the clear, forgets, or has no replicas."
  }
  assert {
    condition     = upstash_redis_database.this.ip_allowlist == toset(["192.0.2.1/32"])
    error_message = "Whoever has the password may connect from anywhere."
  }
}

run "the_url_is_a_secret_where_sites_are" {
  assert {
    condition     = aws_secretsmanager_secret.url.region == "eu-central-1" && [for replica in aws_secretsmanager_secret.url.replica : replica.region] == ["us-east-1"]
    error_message = "The secret is not in each of its regions."
  }
  assert {
    condition     = aws_secretsmanager_secret_version.url.secret_string == null && aws_secretsmanager_secret_version.url.secret_string_wo_version == 1
    error_message = "The URL is written to the state."
  }
}

run "open_to_the_internet" {
  command = plan
  variables { allowed_cidrs = ["0.0.0.0/0"] }
  expect_failures = [var.allowed_cidrs]
}

run "primary_that_upstash_does_not_have" {
  command = plan
  variables { primary_region = "eu-north-1" }
  expect_failures = [var.primary_region]
}

run "primary_among_the_copies" {
  command = plan
  variables { read_regions = ["eu-central-1"] }
  expect_failures = [var.read_regions]
}

run "secret_nowhere" {
  command = plan
  variables { secret_regions = [] }
  expect_failures = [var.secret_regions]
}
