variable "name" {
  description = "Begins the names of health checks."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Public zone in Route 53 of the devices' domain."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^Z[A-Z0-9]{1,31}$", var.zone_id))
    error_message = "Zone '${var.zone_id}' is no id of Route 53."
  }
}

variable "hostname" {
  description = "Leads devices to the nearest region: output of `topology`."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "Regions by name, of the outputs of `topology` and `edge-region`."
  type = map(object({
    aws_region    = string
    hostname      = string
    near_hostname = string
    failover      = optional(string)
    share         = number
    load_balancer = object({ dns_name = string, zone_id = string })
  }))
  nullable = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : region.failover == null || contains(keys(var.regions), coalesce(region.failover, "none"))])
    error_message = "A region fails over to one that is not there; there are ${join(", ", keys(var.regions))}."
  }
  validation {
    condition     = alltrue([for name, region in var.regions : region.failover != name])
    error_message = "A region fails over to itself."
  }
}

variable "alarm" {
  description = "Topic in us-east-1, where Route 53 has its metrics, that hears of a region that is not healthy. Null: nobody does."
  type        = object({ topic_arn = string })
  default     = null
}
