variable "nodes" {
  description = "Host names of the two nodes. On the first is the master, on the second its replica; name servers and proxies on both."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.nodes) == 2 && length(distinct(var.nodes)) == 2
    error_message = "RocketMQ of a site has two nodes: a master and its replica."
  }
}

variable "ports" {
  description = "Of name server, broker and proxy; the broker takes `broker` - 2 as well."
  type        = object({ namesrv = number, broker = number, broker_replica = number, proxy = number })
  nullable    = false
}

variable "acknowledge" {
  description = "When a message counts as stored: `both` (on both disks; while the replica is away nothing is acknowledged), `both-if-possible` (on both, or on the master's alone while the replica is away) or `master` (on the master's disk; the replica follows)."
  type        = string
  default     = "both-if-possible"
  nullable    = false

  validation {
    condition     = contains(["both", "both-if-possible", "master"], var.acknowledge)
    error_message = "Acknowledge '${var.acknowledge}' is none of both, both-if-possible and master."
  }
}

variable "retention_hours" {
  description = "How long RocketMQ keeps messages, read or not: bounds how long a session may be offline. `limits.inboxAgeSec` is to be no longer."
  type        = number
  default     = 72
  nullable    = false

  validation {
    condition     = var.retention_hours >= 1 && var.retention_hours <= 75
    error_message = "Messages are kept for ${var.retention_hours} h; allowed: 1 to 75, after which lite topics are deleted (`lite.topic.expiration`)."
  }
}

variable "tls_folder" {
  description = "Where the proxy finds cert.pem and key.pem. Null: it speaks without TLS."
  type        = string
  default     = null
}
