# Meridian in one region of AWS: edges, two cores and RocketMQ in two zones; Redis at Upstash.

provider "aws" {
  region = var.aws_region
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
  redis   = { primary_region = var.aws_region }
  regions = {
    eu = { index = 0, aws_region = var.aws_region, certificate_arn = var.certificate_arn }
  }
}
