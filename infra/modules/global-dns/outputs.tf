output "hostname" {
  description = "What devices connect to that do not choose a region themselves."
  value       = var.hostname
}

output "health_checks" {
  description = "Ids of the health checks by region."
  value       = { for name, check in aws_route53_health_check.region : name => check.id }
}
