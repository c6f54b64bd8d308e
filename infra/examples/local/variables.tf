variable "regions" {
  description = "The regions by name, as `topology` takes them; `cores` and `edges.min` are how many processes there are of each."
  type = map(object({
    index = number
    site  = optional(bool, true)
    near  = optional(list(string), [])
    cores = optional(number, 1)
    edges = optional(object({ min = optional(number, 1), max = optional(number, 8) }), {})
  }))
  default = {
    eu = { index = 0, near = ["us"] }
    us = { index = 1, near = ["eu"] }
  }
  nullable = false

  validation {
    condition     = length(distinct([for region in var.regions : region.edges.min])) == 1 && length(distinct([for region in var.regions : region.cores if region.site])) <= 1
    error_message = "On one machine all regions have as many edges, and all sites as many cores."
  }
}

variable "wan_ms" {
  description = "Delay between regions, one way."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.wan_ms >= 0 && var.wan_ms <= 10000
    error_message = "A delay of ${var.wan_ms} ms is none of 0 to 10000."
  }
}

variable "namespaces" {
  description = "Each region in a network namespace of its own, which takes root; else TCP relays on the loopback address."
  type        = bool
  default     = false
  nullable    = false
}

variable "folder" {
  description = "Where state, logs and stores are kept. Of no more than 60 characters: Unix sockets are in it. Null: .local/terraform of the checkout."
  type        = string
  default     = null

  validation {
    condition     = length(coalesce(var.folder, "-")) <= 60
    error_message = "Folder '${coalesce(var.folder, "-")}' has more than 60 characters."
  }
}

variable "build" {
  description = "Build what is run before (`npm run regions:up`). False: `dist/` as it is."
  type        = bool
  default     = true
  nullable    = false
}
