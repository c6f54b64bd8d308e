variable "topology" {
  description = "The outputs of the module `topology`."
  type = object({
    name         = string
    ports        = map(number)
    public_ports = map(number)
    link_is_tls  = bool
    drain        = object({ seconds = number, clients_per_second = number })
    regions = map(object({
      name         = string
      aws_region   = string
      cidr         = string
      other_cidrs  = list(string)
      subnets      = list(object({ letter = string, public = string, private = string }))
      edges        = object({ min = number, max = number, connections = number })
      edge_command = list(string)
    }))
  })
  nullable = false

  validation {
    condition     = contains(keys(var.topology.regions), var.region)
    error_message = "Region '${var.region}' is none of the topology: ${join(", ", keys(var.topology.regions))}."
  }
}

variable "region" {
  description = "Which of the topology's regions this one is."
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
    - link_token: what edges show to cores
    - link_ca: authority of the cores' certificates, PEM. Needed with `wss` links
    - password_file: users and password hashes, as `meridian passwd` writes them
    - acl_file: who may do what; null: every user everything
    - kms_key_arns: keys that they are encrypted with, if these are not AWS's own
  EOT
  type = object({
    link_token    = string
    link_ca       = optional(string)
    password_file = string
    acl_file      = optional(string)
    kms_key_arns  = optional(list(string), [])
  })
  nullable = false

  validation {
    condition = alltrue([for arn in compact([var.secrets.link_token, var.secrets.link_ca, var.secrets.password_file, var.secrets.acl_file]) :
      can(regex("^arn:aws:secretsmanager:[a-z0-9-]+:\\d{12}:secret:\\S+$", arn))
    ])
    error_message = "A secret is not given by its ARN (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME)."
  }
  validation {
    condition     = !var.topology.link_is_tls || var.secrets.link_ca != null
    error_message = "Links use TLS, but 'link_ca' is missing: edges could not check whom they talk to."
  }
}

variable "certificate_arn" {
  description = "Certificate in ACM of this region, for mqtt.DOMAIN and REGION.mqtt.DOMAIN."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:acm:[a-z0-9-]+:\\d{12}:certificate/\\S+$", var.certificate_arn))
    error_message = "Certificate '${var.certificate_arn}' is no ARN of ACM."
  }
}

variable "device_cidrs" {
  description = "Networks that devices may connect from, over TLS (8883, 443)."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.device_cidrs) > 0 && alltrue([for cidr in var.device_cidrs : can(cidrnetmask(cidr))])
    error_message = "Networks of devices must be IPv4 networks, at least one: ${join(", ", var.device_cidrs)}."
  }
}

variable "plain_cidrs" {
  description = "Networks that devices may connect from without TLS (1883). None: port 1883 is not opened."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.plain_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "Networks that may do without TLS must be IPv4 networks of at least 8 bits, not the whole Internet: ${join(", ", var.plain_cidrs)}."
  }
}

variable "size" {
  description = "Of one edge: CPU units (1024 is one core) and MiB."
  type        = object({ cpu = optional(number, 1024), memory = optional(number, 2048) })
  default     = {}
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.size.cpu) && var.size.memory >= var.size.cpu * 2 && var.size.memory <= var.size.cpu * 8
    error_message = "Fargate has no size of ${var.size.cpu} units and ${var.size.memory} MiB: units are 256 to 16384, doubling, with 2 to 8 MiB each."
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

variable "access_log_bucket" {
  description = "Bucket in this region for the load balancer's access logs (of TLS connections). Null: none are written."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "The load balancer cannot be destroyed before this is turned off."
  type        = bool
  default     = true
  nullable    = false
}
