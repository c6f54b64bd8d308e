output "url_secret_arn" {
  description = "Secret with the URL: `secrets.state` of `core-site`."
  value       = aws_secretsmanager_secret.url.arn
  # Who has the ARN wants the value.
  depends_on = [aws_secretsmanager_secret_version.url]
}

output "port" {
  description = "Port that cores have to reach."
  value       = upstash_redis_database.this.port
}

output "database_id" {
  description = "What Upstash calls the database."
  value       = upstash_redis_database.this.database_id
}
