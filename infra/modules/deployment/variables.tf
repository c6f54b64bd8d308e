variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "meridian"
  nullable    = false
}

variable "domain" {
  description = "DNS zone of the devices, which is in Route 53 already."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Its id in Route 53."
  type        = string
  nullable    = false
}

variable "network" {
  description = "Private IPv4 network of all regions, a /12: `topology`."
  type        = string
  default     = "10.64.0.0/12"
  nullable    = false
}

variable "regions" {
  description = "The regions by name, as `topology` takes them; and of each the certificate (ACM, in that region) for mqtt.DOMAIN and *.mqtt.DOMAIN, and the bucket there for the load balancer's access logs, if they are to be written."
  type = map(object({
    index             = number
    aws_region        = string
    certificate_arn   = string
    access_log_bucket = optional(string)
    site              = optional(bool, true)
    near              = optional(list(string), [])
    weight            = optional(number, 1)
    share             = optional(number, 100)
    zones             = optional(list(string), ["a", "b"])
    cores             = optional(number, 2)
    edges             = optional(object({ min = optional(number, 2), max = optional(number, 10), connections = optional(number, 10000) }), {})
  }))
  nullable = false
}

variable "images" {
  description = "By digest: Meridian, RocketMQ 5.5 and AWS's OpenTelemetry collector; and the ECR repository of the first, if it is in one."
  type = object({
    meridian       = string
    repository_arn = optional(string)
    rocketmq       = string
    collector      = string
  })
  nullable = false
}

variable "secrets" {
  description = <<-EOT
    ARNs of secrets that were made outside of Terraform, so that their values are in no state, with a replica in each region that needs them.
    - link_token, link_ca, password_file, acl_file: for all regions
    - links: certificate and key for *.REGION.NAME.internal, by region with a site
    - kms_key_arns: keys that they are encrypted with, if these are not AWS's own
  EOT
  type = object({
    link_token    = string
    link_ca       = string
    password_file = string
    acl_file      = optional(string)
    links         = map(object({ certificate = string, key = string }))
    kms_key_arns  = optional(list(string), [])
  })
  nullable = false

  validation {
    condition     = length(setsubtract([for name, region in var.regions : name if region.site], keys(var.secrets.links))) == 0
    error_message = "A region with a site has no certificate for its cores in 'links': ${join(", ", setsubtract([for name, region in var.regions : name if region.site], keys(var.secrets.links)))}."
  }
}

variable "redis" {
  description = "Where Upstash keeps the database: `global-redis`."
  type = object({
    primary_region    = string
    read_regions      = optional(list(string), [])
    high_availability = optional(bool, true)
    secret_version    = optional(number, 1)
  })
  nullable = false
}

variable "edge_size" {
  description = "Of one edge: CPU units (1024 is one core) and MiB: `edge-region`."
  type        = object({ cpu = optional(number, 1024), memory = optional(number, 2048) })
  default     = {}
  nullable    = false
}

variable "core_size" {
  description = "Of one core, likewise: `core-site`."
  type        = object({ cpu = optional(number, 2048), memory = optional(number, 8192) })
  default     = {}
  nullable    = false
}

variable "drain" {
  description = "How an edge ends: `topology`."
  type        = object({ seconds = optional(number, 120), clients_per_second = optional(number, 200) })
  default     = {}
  nullable    = false
}

variable "rocketmq" {
  description = "Servers and durability of RocketMQ: `core-site`, without the image."
  type = object({
    instance_type   = optional(string, "m7i.large")
    volume_gib      = optional(number, 200)
    iops            = optional(number, 6000)
    mib_per_second  = optional(number, 250)
    acknowledge     = optional(string, "both-if-possible")
    retention_hours = optional(number, 72)
  })
  default  = {}
  nullable = false
}

variable "device_cidrs" {
  description = "Networks that devices may connect from, over TLS (8883, 443). Route 53's health checkers have to be among them, or it holds every region for lost."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
}

variable "plain_cidrs" {
  description = "Networks that devices may connect from without TLS (1883). None: port 1883 is not opened."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "emails" {
  description = "Who hears of alarms."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "unreachable_alarm" {
  description = "Topic in us-east-1 that hears of a region that cannot be reached (`global-dns`). Null: that of the region there; if there is none, nobody hears of it."
  type        = object({ topic_arn = string })
  default     = null

  validation {
    condition     = var.unreachable_alarm == null || can(regex("^arn:aws:sns:us-east-1:\\d{12}:\\S+$", var.unreachable_alarm.topic_arn))
    error_message = "Topic '${try(var.unreachable_alarm.topic_arn, "")}' is no ARN of one in us-east-1, where Route 53 has its metrics."
  }
}

variable "disk_per_cent" {
  description = "How full a volume of RocketMQ may be before somebody is told: `observability`."
  type        = number
  default     = 70
  nullable    = false
}

variable "log_days" {
  description = "How long logs are kept, of edges, cores, RocketMQ and networks."
  type        = number
  default     = 365
  nullable    = false
}

variable "deletion_protection" {
  description = "Load balancers cannot be destroyed before this is turned off."
  type        = bool
  default     = true
  nullable    = false
}
