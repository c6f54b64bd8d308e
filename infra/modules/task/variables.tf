variable "name" {
  description = "Of the container that does the work; also begins the names of its log streams."
  type        = string
  nullable    = false
}

variable "image" {
  description = "Image of Meridian, by digest: a tag may mean something else tomorrow."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Image '${var.image}' is not given by digest (NAME@sha256:…)."
  }
}

variable "command" {
  description = "Words after `meridian`. A path below /run/meridian may be one of `files`."
  type        = list(string)
  nullable    = false
}

variable "secrets" {
  description = "Variables by name, each with the ARN of a secret in Secrets Manager."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "files" {
  description = "Files below /run/meridian by name, each with the ARN of the secret that it holds."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.files) : can(regex("^[a-z][a-z0-9.-]{0,63}$", name))])
    error_message = "Names of files are lower case letters, digits, dots and dashes: ${join(", ", keys(var.files))}."
  }
}

variable "ports" {
  description = "What the container listens on."
  type        = list(number)
  nullable    = false
}

variable "health" {
  description = "Port of /healthz and /metrics within the task, and whether it speaks TLS."
  type        = object({ port = number, tls = optional(bool, false) })
  nullable    = false
}

variable "stop_seconds" {
  description = "From SIGTERM to SIGKILL."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.stop_seconds >= 2 && var.stop_seconds <= 120
    error_message = "A task has ${var.stop_seconds} s to stop; Fargate allows 2 to 120."
  }
}

variable "logs" {
  description = "Log group of CloudWatch, and the region it is in."
  type        = object({ group = string, region = string })
  nullable    = false
}

variable "metrics" {
  description = "The OpenTelemetry collector that brings the named metrics to CloudWatch, with these dimensions."
  type = object({
    image      = string
    namespace  = string
    names      = list(string)
    dimensions = map(string)
  })
  nullable = false

  validation {
    condition     = length(var.metrics.names) > 0 && alltrue([for name in var.metrics.names : can(regex("^[a-zA-Z_:][a-zA-Z0-9_:]*$", name))])
    error_message = "Metrics are named as Prometheus names them, at least one: ${join(", ", var.metrics.names)}."
  }
}
