variable "topology" {
  description = "The outputs of the module `topology`."
  type = object({
    name        = string
    ports       = map(number)
    link_is_tls = bool
    regions = map(object({
      name          = string
      aws_region    = string
      site          = bool
      zone          = string
      cidr          = string
      other_cidrs   = list(string)
      core_commands = map(list(string))
      rocketmq      = list(string)
    }))
  })
  nullable = false

  validation {
    condition     = try(var.topology.regions[var.region].site, false)
    error_message = "Region '${var.region}' has no site in the topology."
  }
}

variable "region" {
  description = "Which of the topology's regions this site is in."
  type        = string
  nullable    = false
}

variable "network" {
  description = "The network of the region: output of `edge-region`."
  type        = object({ vpc_id = string, private_subnets = map(string) })
  nullable    = false

  validation {
    condition     = length(var.network.private_subnets) >= 2
    error_message = "A site is spread over at least two private subnets; there are ${length(var.network.private_subnets)}."
  }
}

variable "cluster_arn" {
  description = "ECS cluster of the region: output of `edge-region`."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key for logs and volumes: output of `edge-region`."
  type        = string
  nullable    = false
}

variable "image" {
  description = "Image of Meridian by digest, and the ECR repository that it is in, if it is in one."
  type        = object({ name = string, repository_arn = optional(string) })
  nullable    = false
}

variable "collector_image" {
  description = "AWS's OpenTelemetry collector, by digest."
  type        = string
  nullable    = false
}

variable "secrets" {
  description = <<-EOT
    ARNs of secrets in Secrets Manager, of any of their replicas; there is to be one in this region. Their values are never read by Terraform.
    - link_token: what edges and other sites show to cores
    - state: URL of Redis, as `meridian core --state` takes it
    - state_ca: authority of Redis, PEM, if it is none of the usual ones (`rediss://` alone)
    - link_certificate, link_key: for *.ZONE of this site (topology: `zone`), PEM; of cores and of RocketMQ's proxies. Needed with `wss` links
    - link_ca: their authority, PEM. Needed with `wss` links
    - kms_key_arns: keys that they are encrypted with, if these are not AWS's own
  EOT
  type = object({
    link_token       = string
    state            = string
    state_ca         = optional(string)
    link_certificate = optional(string)
    link_key         = optional(string)
    link_ca          = optional(string)
    kms_key_arns     = optional(list(string), [])
  })
  nullable = false

  validation {
    condition = alltrue([for arn in compact([var.secrets.link_token, var.secrets.state, var.secrets.state_ca, var.secrets.link_certificate, var.secrets.link_key, var.secrets.link_ca]) :
      can(regex("^arn:aws:secretsmanager:[a-z0-9-]+:\\d{12}:secret:\\S+$", arn))
    ])
    error_message = "A secret is not given by its ARN (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME)."
  }
  validation {
    condition     = !var.topology.link_is_tls || alltrue([for arn in [var.secrets.link_certificate, var.secrets.link_key, var.secrets.link_ca] : arn != null])
    error_message = "Links use TLS: 'link_certificate', 'link_key' and 'link_ca' are all needed."
  }
}

variable "state_port" {
  description = "Port of Redis, which cores have to reach."
  type        = number
  default     = 6379
  nullable    = false

  validation {
    condition     = var.state_port >= 1 && var.state_port <= 65535
    error_message = "Port ${var.state_port} of Redis is none of 1 to 65535."
  }
}

variable "size" {
  description = "Of one core: CPU units (1024 is one core) and MiB."
  type        = object({ cpu = optional(number, 2048), memory = optional(number, 8192) })
  default     = {}
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.size.cpu) && var.size.memory >= var.size.cpu * 2 && var.size.memory <= var.size.cpu * 8
    error_message = "Fargate has no size of ${var.size.cpu} units and ${var.size.memory} MiB: units are 256 to 16384, doubling, with 2 to 8 MiB each."
  }
}

variable "rocketmq" {
  description = "RocketMQ: image by digest, servers, their volumes, and what `rocketmq-settings` is told."
  type = object({
    image           = string
    instance_type   = optional(string, "m7i.large")
    volume_gib      = optional(number, 200)
    iops            = optional(number, 6000)
    mib_per_second  = optional(number, 250)
    acknowledge     = optional(string, "both-if-possible")
    retention_hours = optional(number, 72)
  })
  nullable = false

  validation {
    condition     = can(regex("^[^@\\s]+@sha256:[0-9a-f]{64}$", var.rocketmq.image))
    error_message = "RocketMQ's image '${var.rocketmq.image}' is not given by digest (NAME@sha256:…)."
  }
  validation {
    condition     = var.rocketmq.volume_gib >= 20 && var.rocketmq.iops >= 3000 && var.rocketmq.iops <= 16000 && var.rocketmq.mib_per_second >= 125 && var.rocketmq.mib_per_second <= 1000
    error_message = "A gp3 volume has at least 20 GiB here, 3000 to 16000 IOPS and 125 to 1000 MiB/s."
  }
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], var.log_days)
    error_message = "CloudWatch does not keep logs for ${var.log_days} days."
  }
}
