# RocketMQ: two servers with a volume each, in two zones. On both a name server and a proxy; the broker's master on the first, its replica on the second.

locals {
  nodes     = { for i, id in local.region.rocketmq : id => { letter = local.letters[i], host = "${id}.${local.region.zone}" } }
  tls_files = local.tls ? { "cert.pem" = local.secret.link_certificate, "key.pem" = local.secret.link_key } : {}
}

module "settings" {
  source          = "../rocketmq-settings"
  nodes           = [for id in local.region.rocketmq : local.nodes[id].host]
  ports           = { for name in ["namesrv", "broker", "broker_replica", "proxy"] : name => var.topology.ports[name] }
  acknowledge     = var.rocketmq.acknowledge
  retention_hours = var.rocketmq.retention_hours
  tls_folder      = local.tls ? "/etc/meridian/tls" : null
}

data "aws_ssm_parameter" "image" {
  region = local.aws_region
  name   = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

data "aws_subnet" "of_node" {
  for_each = local.nodes
  region   = local.aws_region
  id       = var.network.private_subnets[each.value.letter]
}

resource "aws_cloudwatch_log_group" "rocketmq" {
  region            = local.aws_region
  name              = "/${var.topology.name}/${var.region}/rocketmq"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

# Messages outlive the server, and its volume a `destroy`: as a snapshot.
resource "aws_ebs_volume" "messages" {
  for_each          = local.nodes
  region            = local.aws_region
  availability_zone = data.aws_subnet.of_node[each.key].availability_zone
  type              = "gp3"
  size              = var.rocketmq.volume_gib
  iops              = var.rocketmq.iops
  throughput        = var.rocketmq.mib_per_second
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = true
  tags              = merge(local.tags, { Name = "${local.name}-${each.key}-messages" })
}

resource "aws_volume_attachment" "messages" {
  for_each                       = local.nodes
  region                         = local.aws_region
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.messages[each.key].id
  instance_id                    = aws_instance.rocketmq[each.key].id
  stop_instance_before_detaching = true
}

resource "aws_instance" "rocketmq" {
  for_each                    = local.nodes
  region                      = local.aws_region
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.rocketmq.instance_type
  subnet_id                   = data.aws_subnet.of_node[each.key].id
  vpc_security_group_ids      = [aws_security_group.rocketmq.id]
  associate_public_ip_address = false
  iam_instance_profile        = aws_iam_instance_profile.rocketmq.name
  monitoring                  = true
  ebs_optimized               = true
  user_data_replace_on_change = true
  tags                        = merge(local.tags, { Name = "${local.name}-${each.key}" })

  user_data_base64 = base64gzip(templatefile("${path.module}/rocketmq.sh.tftpl", {
    image       = var.rocketmq.image
    region      = local.aws_region
    log_group   = aws_cloudwatch_log_group.rocketmq.name
    node        = each.key
    host        = each.value.host
    dimensions  = { region = var.region, node = each.key }
    tls_secrets = local.tls_files
    admin       = each.key == local.region.rocketmq[0] ? module.settings.admin_commands : []
    files = {
      "broker.properties"  = module.settings.broker_properties[each.value.host]
      "namesrv.properties" = module.settings.namesrv_properties
      "rmq-proxy.json"     = module.settings.proxy_settings
    }
  }))

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  # A newer image of the system is no reason to replace a server that holds messages.
  lifecycle {
    ignore_changes = [ami]
  }
}

resource "aws_service_discovery_instance" "rocketmq" {
  for_each    = local.nodes
  region      = local.aws_region
  instance_id = each.key
  service_id  = aws_service_discovery_service.this[each.key].id
  attributes  = { AWS_INSTANCE_IPV4 = aws_instance.rocketmq[each.key].private_ip }
}

resource "aws_security_group" "rocketmq" {
  region      = local.aws_region
  name        = "${local.name}-rocketmq"
  description = "RocketMQ in ${var.region}"
  vpc_id      = var.network.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-rocketmq" })
}

resource "aws_vpc_security_group_ingress_rule" "proxy" {
  region                       = local.aws_region
  security_group_id            = aws_security_group.rocketmq.id
  description                  = "Cores"
  referenced_security_group_id = aws_security_group.core.id
  from_port                    = var.topology.ports.proxy
  to_port                      = var.topology.ports.proxy
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

locals {
  # Of the servers among themselves: RocketMQ has no TLS for these that is not turned on at all of its clients.
  among = {
    namesrv = [var.topology.ports.namesrv, var.topology.ports.namesrv]
    broker  = [var.topology.ports.broker_fast, var.topology.ports.broker_replica]
  }
}

resource "aws_vpc_security_group_ingress_rule" "among" {
  for_each                     = local.among
  region                       = local.aws_region
  security_group_id            = aws_security_group.rocketmq.id
  description                  = "RocketMQ itself: ${each.key}"
  referenced_security_group_id = aws_security_group.rocketmq.id
  from_port                    = each.value[0]
  to_port                      = each.value[1]
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "among" {
  for_each                     = local.among
  region                       = local.aws_region
  security_group_id            = aws_security_group.rocketmq.id
  description                  = "RocketMQ itself: ${each.key}"
  referenced_security_group_id = aws_security_group.rocketmq.id
  from_port                    = each.value[0]
  to_port                      = each.value[1]
  ip_protocol                  = "tcp"
  tags                         = local.tags
}

# Packages, the image, secrets and logs.
resource "aws_vpc_security_group_egress_rule" "rocketmq_https" {
  region            = local.aws_region
  security_group_id = aws_security_group.rocketmq.id
  description       = "HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = local.tags
}
