# Who may do what: the same as an edge, and the servers of RocketMQ.

locals {
  account    = data.aws_caller_identity.here.account_id
  write_logs = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
  decrypt    = [for keys in [var.secrets.kms_key_arns] : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = keys } if length(keys) > 0]
  # EC2 does not say for which account it asks.
  assumed_by = { for service, condition in {
    ecs-tasks = { StringEquals = { "aws:SourceAccount" = local.account } }
    ec2       = null
    } : service => jsonencode({
      Version = "2012-10-17"
      Statement = [merge(
        { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${service}.amazonaws.com" } },
        condition == null ? null : { Condition = condition },
      )]
  }) }
}

# Starts tasks.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-core-execution"
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
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = distinct(flatten([for task in module.task : task.secret_arns])) },
        { Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.core.arn}:*"] },
      ],
      local.decrypt,
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
  name               = "${local.name}-core"
  assume_role_policy = local.assumed_by["ecs-tasks"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "task" {
  name = "metrics"
  role = aws_iam_role.task.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.core.arn}:*"] }]
  })
}

resource "aws_iam_role" "rocketmq" {
  name               = "${local.name}-rocketmq"
  assume_role_policy = local.assumed_by["ec2"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "rocketmq" {
  name = "rocketmq"
  role = aws_iam_role.rocketmq.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Effect = "Allow", Action = local.write_logs, Resource = ["${aws_cloudwatch_log_group.rocketmq.arn}:*"] },
        # Knows no resource, but a namespace.
        { Effect = "Allow", Action = ["cloudwatch:PutMetricData"], Resource = ["*"], Condition = { StringEquals = { "cloudwatch:namespace" = "Meridian" } } },
      ],
      [for arns in [values(local.tls_files)] : { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = arns } if length(arns) > 0],
      length(local.tls_files) > 0 ? local.decrypt : [],
    )
  })
}

# Sessions for people, in place of SSH.
resource "aws_iam_role_policy_attachment" "sessions" {
  role       = aws_iam_role.rocketmq.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "rocketmq" {
  name = "${local.name}-rocketmq"
  role = aws_iam_role.rocketmq.name
  tags = local.tags
}
