variable "name" {
  description = "Begins the names of what is made."
  type        = string
  nullable    = false
}

variable "from" {
  description = "One of both regions: of the outputs of `topology`, `edge-region` (network) and, if it has a site, `core-site` (hosted_zone_id)."
  type = object({
    name           = string
    aws_region     = string
    cidr           = string
    site           = bool
    network        = object({ vpc_id = string, route_tables = map(string) })
    hosted_zone_id = optional(string)
  })
  nullable = false
}

variable "to" {
  description = "The other one."
  type = object({
    name           = string
    aws_region     = string
    cidr           = string
    site           = bool
    network        = object({ vpc_id = string, route_tables = map(string) })
    hosted_zone_id = optional(string)
  })
  nullable = false

  validation {
    condition     = var.to.name != var.from.name && var.to.cidr != var.from.cidr
    error_message = "Region '${var.to.name}' (${var.to.cidr}) cannot be peered with '${var.from.name}' (${var.from.cidr}): they are the same."
  }
  validation {
    condition     = var.to.site || var.from.site
    error_message = "Neither '${var.from.name}' nor '${var.to.name}' has a site: they have nothing to tell each other."
  }
}
