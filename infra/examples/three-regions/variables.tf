variable "certificate_arns" {
  description = "Certificates in ACM for mqtt.DOMAIN and *.mqtt.DOMAIN, in eu-central-1 (eu), us-east-1 (us) and ap-southeast-1 (ap)."
  type        = object({ eu = string, us = string, ap = string })
  nullable    = false
}

variable "domain" {
  description = "DNS zone of the devices, in Route 53."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Its id in Route 53."
  type        = string
  nullable    = false
}

variable "images" {
  description = "By digest: Meridian, RocketMQ 5.5, AWS's OpenTelemetry collector."
  type        = object({ meridian = string, repository_arn = optional(string), rocketmq = string, collector = string })
  nullable    = false
}

variable "secrets" {
  description = "ARNs of secrets that were made outside of Terraform; see the module `deployment`."
  type = object({
    link_token    = string
    link_ca       = string
    password_file = string
    acl_file      = optional(string)
    links         = map(object({ certificate = string, key = string }))
  })
  nullable = false
}

variable "emails" {
  description = "Who hears of alarms."
  type        = list(string)
  default     = []
  nullable    = false
}
