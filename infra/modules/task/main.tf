# The containers of a Fargate task that runs an edge or a core. Nothing is made here, and no provider is needed.

locals {
  folder   = "/run/meridian"
  has_file = length(var.files) > 0

  # Secrets come as variables; what wants a file gets it from a container that runs before.
  writer      = <<-EOT
    const { writeFileSync, chownSync } = require('node:fs')
    for (const [name, variable] of Object.entries(JSON.parse(process.env.FILES))) {
      const path = '${local.folder}/' + name
      writeFileSync(path, process.env[variable], { mode: 0o400 })
      chownSync(path, 1000, 1000)
    }
  EOT
  variable_of = { for name in keys(var.files) : name => "FILE_${upper(replace(name, "/[.-]/", "_"))}" }

  # A certificate of our own authority is no reason to be called ill: whether it is good is for those who link to say.
  health_url = "${var.health.tls ? "https" : "http"}://127.0.0.1:${var.health.port}/healthz"
  health     = "require('node:${var.health.tls ? "https" : "http"}').get('${local.health_url}',{rejectUnauthorized:false},r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"

  collector = {
    receivers = {
      prometheus = {
        config = {
          scrape_configs = [{
            job_name        = var.name
            scrape_interval = "30s"
            scheme          = var.health.tls ? "https" : "http"
            tls_config      = { insecure_skip_verify = var.health.tls }
            static_configs  = [{ targets = ["127.0.0.1:${var.health.port}"], labels = var.metrics.dimensions }]
            metric_relabel_configs = [{
              source_labels = ["__name__"]
              regex         = join("|", var.metrics.names)
              action        = "keep"
            }]
          }]
        }
      }
    }
    exporters = {
      awsemf = {
        namespace               = var.metrics.namespace
        log_group_name          = var.logs.group
        log_stream_name         = "metrics-${var.name}"
        region                  = var.logs.region
        dimension_rollup_option = "NoDimensionRollup"
        metric_declarations = [{
          dimensions            = [sort(keys(var.metrics.dimensions))]
          metric_name_selectors = [for name in var.metrics.names : "^${name}$"]
        }]
      }
    }
    service = { pipelines = { metrics = { receivers = ["prometheus"], exporters = ["awsemf"] } } }
  }

  log = {
    logDriver = "awslogs"
    options   = { "awslogs-group" = var.logs.group, "awslogs-region" = var.logs.region, "awslogs-stream-prefix" = var.name }
  }
  # Nothing is written but what is mounted, and nothing more is allowed than to any process.
  confined = {
    readonlyRootFilesystem = true
    privileged             = false
    logConfiguration       = local.log
  }

  files_container = merge(local.confined, {
    name        = "files"
    image       = var.image
    essential   = false
    user        = "0"
    entryPoint  = ["node", "-e", local.writer]
    environment = [{ name = "FILES", value = jsonencode(local.variable_of) }]
    secrets     = [for name, arn in var.files : { name = local.variable_of[name], valueFrom = arn }]
    mountPoints = [{ sourceVolume = "files", containerPath = local.folder, readOnly = false }]
  })

  main_container = merge(local.confined, {
    name            = var.name
    image           = var.image
    essential       = true
    user            = "1000"
    command         = var.command
    environment     = []
    secrets         = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    portMappings    = [for port in var.ports : { containerPort = port, hostPort = port, protocol = "tcp" }]
    mountPoints     = local.has_file ? [{ sourceVolume = "files", containerPath = local.folder, readOnly = true }] : []
    dependsOn       = local.has_file ? [{ containerName = "files", condition = "SUCCESS" }] : []
    stopTimeout     = var.stop_seconds
    ulimits         = [{ name = "nofile", softLimit = 1048576, hardLimit = 1048576 }]
    linuxParameters = { initProcessEnabled = true }
    healthCheck     = { command = ["CMD", "node", "-e", local.health], interval = 10, timeout = 5, retries = 3, startPeriod = 30 }
  })

  # It may end and be missed for a while: devices are not to be sent away for that.
  collector_container = merge(local.confined, {
    name        = "metrics"
    image       = var.metrics.image
    essential   = false
    environment = [{ name = "AOT_CONFIG_CONTENT", value = yamlencode(local.collector) }]
  })

  containers = concat(
    local.has_file ? [jsonencode(local.files_container)] : [],
    [jsonencode(local.main_container), jsonencode(local.collector_container)],
  )
}
