variables {
  domain  = "example.com"
  regions = { eu = { index = 0 }, us = { index = 1 } }
}

run "no_region" {
  command = plan
  variables { regions = {} }
  expect_failures = [var.regions]
}

run "same_index" {
  command = plan
  variables { regions = { eu = { index = 1 }, us = { index = 1 } } }
  expect_failures = [var.regions]
}

run "index_beyond_the_network" {
  command = plan
  variables { regions = { eu = { index = 16 } } }
  expect_failures = [var.regions]
}

run "no_site" {
  command = plan
  variables { regions = { eu = { index = 0, site = false } } }
  expect_failures = [var.regions]
}

run "near_names_an_unknown_region" {
  command = plan
  variables { regions = { eu = { index = 0, near = ["mars"] } } }
  expect_failures = [var.regions]
}

run "near_names_itself" {
  command = plan
  variables { regions = { eu = { index = 0, near = ["eu"] } } }
  expect_failures = [var.regions]
}

run "near_names_one_twice" {
  command = plan
  variables { regions = { eu = { index = 0, near = ["us", "us"] }, us = { index = 1 } } }
  expect_failures = [var.regions]
}

run "name_of_a_region" {
  command = plan
  variables { regions = { "EU" = { index = 0 } } }
  expect_failures = [var.regions]
}

run "one_zone" {
  command = plan
  variables { regions = { eu = { index = 0, zones = ["a"] } } }
  expect_failures = [var.regions]
}

run "more_edges_at_least_than_at_most" {
  command = plan
  variables { regions = { eu = { index = 0, edges = { min = 3, max = 2 } } } }
  expect_failures = [var.regions]
}

run "share_is_per_cent" {
  command = plan
  variables { regions = { eu = { index = 0, share = 101 } } }
  expect_failures = [var.regions]
}

run "more_connections_than_an_edge_can_drain" {
  command = plan
  variables { regions = { eu = { index = 0, edges = { connections = 21001 } } } }
  expect_failures = [var.drain]
}

run "network_that_is_no_slash_12" {
  command = plan
  variables { network = "10.64.0.0/16" }
  expect_failures = [var.network]
}

run "address_inside_of_a_network" {
  command = plan
  variables { network = "10.65.0.0/12" }
  expect_failures = [var.network]
}

run "domain_of_one_label" {
  command = plan
  variables { domain = "example" }
  expect_failures = [var.domain]
}

run "link_scheme" {
  command = plan
  variables { link_scheme = "http" }
  expect_failures = [var.link_scheme]
}

run "zone_without_a_letter" {
  command = plan
  variables { regions = { eu = { index = 0, zones = ["a", "eu-central-1b"] } } }
  expect_failures = [var.regions]
}

run "names_too_long_for_a_load_balancer" {
  command = plan
  variables {
    name    = "meridian-europe"
    regions = { "north-europe" = { index = 0 } }
  }
  expect_failures = [var.regions]
}

run "two_regions_in_one_of_aws" {
  command = plan
  variables { regions = { eu = { index = 0, aws_region = "eu-central-1" }, de = { index = 1, aws_region = "eu-central-1" } } }
  expect_failures = [var.regions]
}
