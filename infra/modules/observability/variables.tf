variable "topology" {
  description = "The outputs of the module `topology`."
  type = object({
    name = string
    regions = map(object({
      aws_region = string
      site       = bool
      edges      = object({ min = number, max = number, connections = number })
      rocketmq   = list(string)
    }))
  })
  nullable = false

  validation {
    condition     = contains(keys(var.topology.regions), var.region)
    error_message = "Region '${var.region}' is none of the topology: ${join(", ", keys(var.topology.regions))}."
  }
}

variable "region" {
  description = "Which of the topology's regions is watched."
  type        = string
  nullable    = false
}

variable "load_balancer" {
  description = "What CloudWatch calls the load balancer and its target groups: outputs of `edge-region`."
  type        = object({ arn_suffix = string, target_groups = map(string) })
  nullable    = false
}

variable "emails" {
  description = "Who hears of alarms; each has to confirm once."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "These are not all e-mail addresses: ${join(", ", var.emails)}."
  }
}

variable "disk_per_cent" {
  description = "How full a volume of RocketMQ may be before somebody is told. Above 90 % RocketMQ refuses messages."
  type        = number
  default     = 70
  nullable    = false

  validation {
    condition     = var.disk_per_cent >= 10 && var.disk_per_cent <= 85
    error_message = "An alarm at ${var.disk_per_cent} % of a disk is of no use; allowed: 10 to 85."
  }
}
