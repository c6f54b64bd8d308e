# Meridian in three regions of AWS: sites in Europe and America, and edges alone in Asia, which link to America and, when that is lost, to Europe.

provider "aws" {
  region = "eu-central-1"
}

# Reads UPSTASH_EMAIL and UPSTASH_API_KEY.
provider "upstash" {}

module "meridian" {
  source  = "../../modules/deployment"
  domain  = var.domain
  zone_id = var.zone_id
  images  = var.images
  emails  = var.emails
  secrets = var.secrets
  redis   = { primary_region = "eu-central-1", read_regions = ["us-east-1", "ap-southeast-1"] }
  regions = {
    eu = {
      index           = 0
      aws_region      = "eu-central-1"
      certificate_arn = var.certificate_arns.eu
      near            = ["us", "ap"]
      zones           = ["a", "b", "c"]
      edges           = { min = 3, max = 20 }
    }
    us = {
      index           = 1
      aws_region      = "us-east-1"
      certificate_arn = var.certificate_arns.us
      near            = ["eu", "ap"]
      zones           = ["a", "b", "c"]
      edges           = { min = 3, max = 20 }
    }
    ap = {
      index           = 2
      aws_region      = "ap-southeast-1"
      certificate_arn = var.certificate_arns.ap
      near            = ["us", "eu"]
      site            = false
    }
  }
}
