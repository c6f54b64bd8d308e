# The one Redis of all sites: who owns which session, retained messages, wills. Its URL is a secret that cores are given.

resource "upstash_redis_database" "this" {
  database_name  = "${var.name}-state"
  region         = "global"
  primary_region = var.primary_region
  read_regions   = var.read_regions
  tls            = true
  # Nothing here is a cache: a database that is full is to say so.
  eviction     = false
  auto_scale   = true
  prod_pack    = var.high_availability
  ip_allowlist = var.allowed_cidrs
}

resource "aws_secretsmanager_secret" "url" {
  region                  = var.secret_regions[0]
  name                    = "${var.name}/state"
  description             = "URL of Redis, as meridian core --state takes it"
  recovery_window_in_days = 7
  tags                    = { Application = var.name }

  dynamic "replica" {
    for_each = slice(var.secret_regions, 1, length(var.secret_regions))
    content {
      region = replica.value
    }
  }
}

# Write-only: the URL is not in the state. The password alone is, since Upstash's provider tells it as an attribute.
resource "aws_secretsmanager_secret_version" "url" {
  region                   = var.secret_regions[0]
  secret_id                = aws_secretsmanager_secret.url.id
  secret_string_wo         = "rediss://default:${urlencode(upstash_redis_database.this.password)}@${upstash_redis_database.this.endpoint}:${upstash_redis_database.this.port}"
  secret_string_wo_version = var.secret_version
}
