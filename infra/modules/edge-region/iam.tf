# Who may do what: reading the task's secrets, pulling its image, writing its logs, and nothing else. And the key of the region.

locals {
  account = data.aws_caller_identity.here.account_id
  assumed_by = { for service in ["ecs-tasks", "vpc-flow-logs"] : service => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "${service}.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  }) }
  write_logs = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
}

resource "aws_kms_key" "this" {
  region                  = local.aws_region
  description             = "Logs and volumes of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.aws_region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${local.aws_region}:${local.account}:log-group:/${var.topology.name}/${var.region}/*" } }
      },
    ]
  })
}

resource "aws_cloudwatch_log_group" "edge" {
  region            = local.aws_region
  name              = "/${var.topology.name}/${var.region}/edge"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_group" "flows" {
  region            = local.aws_region
  name              = "/${var.topology.name}/${var.region}/flows"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = local.tags
}

# Starts tasks.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-edge-execution"
  assume_role_policy = local.assumed_by["ecs-tasks"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "execution" {
  name = "execution"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = module.task.secret_arns },
        { Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.edge.arn}:*"] },
      ],
      [for keys in [var.secrets.kms_key_arns] : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = keys } if length(keys) > 0],
      flatten([for repository in var.image.repository_arn[*] : [
        { Effect = "Allow", Action = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [repository] },
        # Knows no resource.
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
      ]]),
    )
  })
}

# Is the task.
resource "aws_iam_role" "task" {
  name               = "${local.name}-edge"
  assume_role_policy = local.assumed_by["ecs-tasks"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "task" {
  name = "metrics"
  role = aws_iam_role.task.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.edge.arn}:*"] }]
  })
}

resource "aws_iam_role" "flows" {
  name               = "${local.name}-flows"
  assume_role_policy = local.assumed_by["vpc-flow-logs"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "flows" {
  name = "logs"
  role = aws_iam_role.flows.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.flows.arn}:*"] }]
  })
}
