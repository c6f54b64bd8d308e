mock_provider "aws" {}

variables {
  name = "meridian"
  from = { name = "ap", aws_region = "ap-southeast-1", cidr = "10.66.0.0/16", site = false, network = { vpc_id = "vpc-ap", route_tables = { a = "rtb-ap-a", b = "rtb-ap-b" } } }
  to   = { name = "eu", aws_region = "eu-central-1", cidr = "10.64.0.0/16", site = true, network = { vpc_id = "vpc-eu", route_tables = { a = "rtb-eu-a" } }, hosted_zone_id = "ZEU" }
}

run "both_know_the_way" {
  assert {
    condition     = { for letter, route in aws_route.there : letter => "${route.region} ${route.destination_cidr_block}" } == { a = "ap-southeast-1 10.64.0.0/16", b = "ap-southeast-1 10.64.0.0/16" }
    error_message = "There is no route to the other region in each route table."
  }
  assert {
    condition     = aws_route.back["a"].region == "eu-central-1" && aws_route.back["a"].destination_cidr_block == "10.66.0.0/16"
    error_message = "There is no route back."
  }
  assert {
    condition     = aws_vpc_peering_connection.this.peer_region == "eu-central-1" && aws_vpc_peering_connection_accepter.this.region == "eu-central-1"
    error_message = "The other region does not accept."
  }
}

run "names_are_looked_up_where_a_site_is" {
  assert {
    condition     = length(aws_route53_zone_association.back) == 0 && aws_route53_zone_association.there[0].zone_id == "ZEU" && aws_route53_zone_association.there[0].vpc_id == "vpc-ap"
    error_message = "The region without a site cannot look up cores, or a zone is looked into that is not there."
  }
}

run "with_itself" {
  command = plan
  variables { from = { name = "eu", aws_region = "eu-central-1", cidr = "10.64.0.0/16", site = true, network = { vpc_id = "vpc-eu", route_tables = {} } } }
  expect_failures = [var.to]
}

run "two_without_a_site" {
  command = plan
  variables { to = { name = "eu", aws_region = "eu-central-1", cidr = "10.64.0.0/16", site = false, network = { vpc_id = "vpc-eu", route_tables = {} } } }
  expect_failures = [var.to]
}
