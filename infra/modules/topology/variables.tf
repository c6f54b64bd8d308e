variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "meridian"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.name))
    error_message = "Name '${var.name}' must be 2 to 15 lower case letters, digits or dashes, a letter first and no dash last."
  }
}

variable "domain" {
  description = "DNS zone of the devices: they connect to mqtt.DOMAIN, or to REGION.mqtt.DOMAIN if they choose a region themselves."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$", var.domain))
    error_message = "Domain '${var.domain}' is no DNS name of at least two labels, in lower case."
  }
}

variable "network" {
  description = "Private IPv4 network of all regions. Each gets the /16 of its index, so it has to be a /12."
  type        = string
  default     = "10.64.0.0/12"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.network, 0)) && endswith(var.network, "/12") && try(cidrhost(var.network, 0) == split("/", var.network)[0], false)
    error_message = "Network '${var.network}' must be an IPv4 network of 12 bits, such as 10.64.0.0/12."
  }
}

variable "regions" {
  description = <<-EOT
    The regions by name. The name is what `meridian edge --region` and `meridian core --site` get.
    - index: the region's /16 within `network`. Never change it, and never use it again: addresses follow from it
    - aws_region: where it is on AWS; the default is its name
    - site: it has cores and a RocketMQ of its own; else its edges link to the sites of others
    - near: other regions, the nearest first. Edges without a site link to the first one that has one, and devices go there when the region is lost
    - weight: devices that an edge sends away go to the healthy region with the highest
    - share: per cent of the devices that DNS sends here which stay; the others are sent to the first of `near`
    - zones: letters of the availability zones that are used, such as a for eu-central-1a. A zone's addresses follow from its letter
    - cores: one is active, the others stand by
    - edges: least and most tasks, and the connections per task that autoscaling aims at
  EOT
  type = map(object({
    index      = number
    aws_region = optional(string)
    site       = optional(bool, true)
    near       = optional(list(string), [])
    weight     = optional(number, 1)
    share      = optional(number, 100)
    zones      = optional(list(string), ["a", "b"])
    cores      = optional(number, 2)
    edges      = optional(object({ min = optional(number, 2), max = optional(number, 10), connections = optional(number, 10000) }), {})
  }))
  nullable = false

  validation {
    condition     = length(var.regions) >= 1 && length(var.regions) <= 16
    error_message = "There are ${length(var.regions)} regions; allowed: 1 to 16."
  }
  validation {
    condition     = alltrue([for name in keys(var.regions) : can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", name))])
    error_message = "Names of regions must be 2 to 15 lower case letters, digits or dashes, a letter first and no dash last: ${join(", ", keys(var.regions))}."
  }
  validation {
    condition     = alltrue([for name in keys(var.regions) : length(name) + length(var.name) <= 26])
    error_message = "'${var.name}' and the name of a region have more than 26 characters together: AWS allows 32 for a load balancer's name."
  }
  validation {
    condition     = alltrue([for region in var.regions : floor(region.index) == region.index && region.index >= 0 && region.index <= 15])
    error_message = "An index is a whole number from 0 to 15."
  }
  validation {
    condition     = length(distinct([for region in var.regions : region.index])) == length(var.regions)
    error_message = "Two regions have the same index, so their networks would be the same."
  }
  validation {
    condition     = length(distinct([for name, region in var.regions : coalesce(region.aws_region, name)])) == length(var.regions)
    error_message = "Two regions are in the same one of AWS: DNS could not tell which of them is nearer."
  }
  validation {
    condition     = anytrue([for region in var.regions : region.site])
    error_message = "No region has a site: nothing would keep messages."
  }
  validation {
    condition     = alltrue([for name, region in var.regions : length(setsubtract(region.near, setsubtract(keys(var.regions), [name]))) == 0])
    error_message = "'near' of a region names others of the regions, not itself: ${join(", ", keys(var.regions))}."
  }
  validation {
    condition     = alltrue([for region in var.regions : length(distinct(region.near)) == length(region.near)])
    error_message = "'near' of a region names another one twice."
  }
  validation {
    condition     = alltrue([for region in var.regions : region.weight >= 1 && region.weight <= 1000 && floor(region.weight) == region.weight])
    error_message = "A weight is a whole number from 1 to 1000."
  }
  validation {
    condition     = alltrue([for region in var.regions : region.share >= 0 && region.share <= 100 && floor(region.share) == region.share])
    error_message = "A share is per cent: a whole number from 0 to 100."
  }
  validation {
    condition     = alltrue([for region in var.regions : length(distinct(region.zones)) == length(region.zones) && length(region.zones) >= 2 && alltrue([for letter in region.zones : contains(["a", "b", "c", "d", "e", "f"], letter)])])
    error_message = "A region uses at least two availability zones, a to f: with one, the loss of it is the loss of the region."
  }
  validation {
    condition     = alltrue([for region in var.regions : region.cores >= 1 && region.cores <= 4])
    error_message = "A site has 1 to 4 cores."
  }
  validation {
    condition     = alltrue([for region in var.regions : region.edges.min >= 1 && region.edges.min <= region.edges.max && region.edges.max <= 1000])
    error_message = "Of the edges of a region 'min' is at least 1 and at most 'max', which is at most 1000."
  }
}

variable "link_scheme" {
  description = "How edges and cores reach cores: wss, or ws where the network between them encrypts and lets nobody else in."
  type        = string
  default     = "wss"
  nullable    = false

  validation {
    condition     = contains(["ws", "wss"], var.link_scheme)
    error_message = "Link scheme '${var.link_scheme}' is neither wss nor ws."
  }
}

variable "drain" {
  description = "How an edge ends: within `seconds` (Fargate allows 120), of which the last 15 are for what is left then, it sends away `clients_per_second`."
  type        = object({ seconds = optional(number, 120), clients_per_second = optional(number, 200) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.drain.seconds >= 20 && var.drain.seconds <= 120
    error_message = "To drain an edge takes ${var.drain.seconds} s; allowed: 20 to 120."
  }
  validation {
    condition     = alltrue([for region in var.regions : region.edges.connections <= (var.drain.seconds - 15) * var.drain.clients_per_second])
    error_message = "An edge cannot send its connections away before it is killed: ${var.drain.clients_per_second}/s for ${var.drain.seconds - 15} s is ${(var.drain.seconds - 15) * var.drain.clients_per_second}; lower edges.connections."
  }
}
