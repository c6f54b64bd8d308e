output "network" {
  description = "The VPC, its private subnets by letter of their zone, and the route tables of these."
  value = {
    vpc_id          = aws_vpc.this.id
    private_subnets = { for letter, subnet in aws_subnet.private : letter => subnet.id }
    route_tables    = { for letter, table in aws_route_table.private : letter => table.id }
  }
  # Who is in it wants a way out.
  depends_on = [aws_route.nat, aws_route_table_association.private, aws_vpc_endpoint.s3]
}

output "cluster" {
  description = "The ECS cluster of the region."
  value       = { arn = aws_ecs_cluster.this.arn, name = aws_ecs_cluster.this.name }
}

output "kms_key_arn" {
  description = "Key of the region's logs; also for volumes."
  value       = aws_kms_key.this.arn
}

output "load_balancer" {
  description = "Where DNS leads devices, and what CloudWatch calls it."
  value       = { dns_name = aws_lb.this.dns_name, zone_id = aws_lb.this.zone_id, arn_suffix = aws_lb.this.arn_suffix }
}

output "target_groups" {
  description = "What CloudWatch calls the target groups, by what they listen for."
  value       = { for name, group in aws_lb_target_group.edge : name => group.arn_suffix }
}

output "nat_cidrs" {
  description = "Addresses that the region reaches the Internet from."
  value       = [for address in aws_eip.nat : "${address.public_ip}/32"]
}
