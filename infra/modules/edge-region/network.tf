# The region's network: load balancer in public subnets, everything else in private ones that reach out through NAT.

locals {
  region     = var.topology.regions[var.region]
  aws_region = local.region.aws_region
  name       = "${var.topology.name}-${var.region}"
  zones      = { for subnet in local.region.subnets : subnet.letter => merge(subnet, { zone = "${local.aws_region}${subnet.letter}" }) }
  tags       = { Application = var.topology.name, Region = var.region }
}

data "aws_caller_identity" "here" {}

resource "aws_vpc" "this" {
  region               = local.aws_region
  cidr_block           = local.region.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.name })
}

# Nothing is in it, so that what names no group of its own reaches nothing.
resource "aws_default_security_group" "closed" {
  region = local.aws_region
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${local.name}-closed" })
}

resource "aws_internet_gateway" "this" {
  region = local.aws_region
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = local.name })
}

resource "aws_subnet" "public" {
  for_each          = local.zones
  region            = local.aws_region
  vpc_id            = aws_vpc.this.id
  cidr_block        = each.value.public
  availability_zone = each.value.zone
  tags              = merge(local.tags, { Name = "${local.name}-public-${each.key}" })
}

resource "aws_subnet" "private" {
  for_each          = local.zones
  region            = local.aws_region
  vpc_id            = aws_vpc.this.id
  cidr_block        = each.value.private
  availability_zone = each.value.zone
  tags              = merge(local.tags, { Name = "${local.name}-private-${each.key}" })
}

resource "aws_route_table" "public" {
  region = local.aws_region
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${local.name}-public" })
}

resource "aws_route" "out" {
  region                 = local.aws_region
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each       = local.zones
  region         = local.aws_region
  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

# One per zone: the loss of a zone leaves the others a way out.
resource "aws_eip" "nat" {
  for_each = local.zones
  region   = local.aws_region
  domain   = "vpc"
  tags     = merge(local.tags, { Name = "${local.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "this" {
  for_each      = local.zones
  region        = local.aws_region
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = merge(local.tags, { Name = "${local.name}-${each.key}" })
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "private" {
  for_each = local.zones
  region   = local.aws_region
  vpc_id   = aws_vpc.this.id
  tags     = merge(local.tags, { Name = "${local.name}-private-${each.key}" })
}

resource "aws_route" "nat" {
  for_each               = local.zones
  region                 = local.aws_region
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}

resource "aws_route_table_association" "private" {
  for_each       = local.zones
  region         = local.aws_region
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

# Layers of images come from S3: not through NAT, which is paid by the byte.
resource "aws_vpc_endpoint" "s3" {
  region            = local.aws_region
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.aws_region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  tags              = merge(local.tags, { Name = "${local.name}-s3" })
}

resource "aws_flow_log" "rejected" {
  region               = local.aws_region
  vpc_id               = aws_vpc.this.id
  traffic_type         = "REJECT"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flows.arn
  iam_role_arn         = aws_iam_role.flows.arn
  tags                 = local.tags
}
