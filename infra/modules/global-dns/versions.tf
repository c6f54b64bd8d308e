terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # From 6.0 on each resource may say its region: one configuration makes several of them.
      version = "~> 6.66"
    }
  }
}
