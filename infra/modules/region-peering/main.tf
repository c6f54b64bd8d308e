# Lets two regions reach each other's cores, over AWS's own network, which encrypts between regions.

locals {
  tags = { Application = var.name, Name = "${var.name}-${var.from.name}-${var.to.name}" }
}

resource "aws_vpc_peering_connection" "this" {
  region      = var.from.aws_region
  vpc_id      = var.from.network.vpc_id
  peer_vpc_id = var.to.network.vpc_id
  peer_region = var.to.aws_region
  auto_accept = false
  tags        = local.tags
}

resource "aws_vpc_peering_connection_accepter" "this" {
  region                    = var.to.aws_region
  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true
  tags                      = local.tags
}

resource "aws_route" "there" {
  for_each                  = var.from.network.route_tables
  region                    = var.from.aws_region
  route_table_id            = each.value
  destination_cidr_block    = var.to.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "back" {
  for_each                  = var.to.network.route_tables
  region                    = var.to.aws_region
  route_table_id            = each.value
  destination_cidr_block    = var.from.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

# Each looks up the other's cores by name.
resource "aws_route53_zone_association" "there" {
  count      = var.to.site ? 1 : 0
  zone_id    = var.to.hosted_zone_id
  vpc_id     = var.from.network.vpc_id
  vpc_region = var.from.aws_region
}

resource "aws_route53_zone_association" "back" {
  count      = var.from.site ? 1 : 0
  zone_id    = var.from.hosted_zone_id
  vpc_id     = var.to.network.vpc_id
  vpc_region = var.to.aws_region
}
