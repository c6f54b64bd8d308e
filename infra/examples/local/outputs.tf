output "mqtt" {
  description = "Where devices of each region connect, by its name: mqtt://HOST:PORT."
  value       = { for region in local.started : region.name => region.mqtt }
}

output "http" {
  description = "Pages, health and metrics of each region's first edge, by its name: http://HOST:PORT."
  value       = { for region in local.started : region.name => region.http }
}

output "folder" {
  description = "Where state, logs and stores are."
  value       = local.dir
}
