output "containers" {
  description = "`container_definitions` of a task definition."
  value       = "[${join(",", local.containers)}]"
}

output "volumes" {
  description = "Names of the volumes that the task definition has to have, each empty at the start."
  value       = local.has_file ? ["files"] : []
}

output "secret_arns" {
  description = "Secrets that the role which starts the task has to be allowed to read."
  value       = sort(distinct(concat(values(var.secrets), values(var.files))))
}
