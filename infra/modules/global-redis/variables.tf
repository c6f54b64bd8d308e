variable "name" {
  description = "Begins the names of database and secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.name))
    error_message = "Name '${var.name}' must be 2 to 15 lower case letters, digits or dashes, a letter first and no dash last."
  }
}

variable "primary_region" {
  description = "Where the database takes writes: near the site with most of the traffic. Each CONNECT waits for a write."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["us-east-1", "us-west-1", "us-west-2", "eu-central-1", "eu-west-1", "sa-east-1", "ap-southeast-1", "ap-southeast-2"], var.primary_region)
    error_message = "Upstash has no primary region '${var.primary_region}'; it has us-east-1, us-west-1, us-west-2, eu-central-1, eu-west-1, sa-east-1, ap-southeast-1 and ap-southeast-2."
  }
}

variable "read_regions" {
  description = "Where it has copies, which are also what it goes on with when the primary region is lost."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for region in var.read_regions : region != var.primary_region && contains(["us-east-1", "us-west-1", "us-west-2", "eu-central-1", "eu-west-1", "sa-east-1", "ap-southeast-1", "ap-southeast-2"], region)])
    error_message = "Read regions are regions of Upstash other than the primary one: ${join(", ", var.read_regions)}."
  }
}

variable "allowed_cidrs" {
  description = "Networks that may connect: the addresses that cores reach the Internet from (`nat_cidrs` of `edge-region`)."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "Networks that may connect must be IPv4 networks of at least 8 bits, at least one: ${join(", ", var.allowed_cidrs)}."
  }
}

variable "high_availability" {
  description = "Upstash's Prod Pack: replicas in several zones, and encryption at rest."
  type        = bool
  default     = true
  nullable    = false
}

variable "secret_regions" {
  description = "AWS regions where the URL is needed as a secret: those with a site. The first one holds it, the others have replicas."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.secret_regions) > 0 && length(distinct(var.secret_regions)) == length(var.secret_regions)
    error_message = "Regions of the secret are at least one, each once: ${join(", ", var.secret_regions)}."
  }
}

variable "secret_version" {
  description = "To be raised when the database has a new password: the secret is written again only then."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.secret_version >= 1 && floor(var.secret_version) == var.secret_version
    error_message = "Version ${var.secret_version} of the secret is no whole number from 1."
  }
}
