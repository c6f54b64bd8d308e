variables {
  name    = "edge"
  image   = "registry.example.com/meridian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  command = ["edge", "--region", "eu"]
  secrets = { MERIDIAN_LINK_TOKEN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:link-token-AbCdEf" }
  files   = { "link-ca.pem" = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:link-ca-AbCdEf" }
  ports   = [1883, 8083]
  health  = { port = 8080 }
  logs    = { group = "/meridian/eu/edge", region = "eu-central-1" }
  metrics = {
    image      = "collector@sha256:0"
    namespace  = "Meridian"
    names      = ["meridian_connections"]
    dimensions = { region = "eu", role = "edge" }
  }
}

run "files_are_written_before" {
  command = plan
  assert {
    condition     = [for one in jsondecode(output.containers) : one.name] == ["files", "edge", "metrics"] && join(" ", output.volumes) == "files"
    error_message = "Containers are not those expected."
  }
  assert {
    condition     = jsondecode(output.containers)[0].secrets[0] == { name = "FILE_LINK_CA_PEM", valueFrom = var.files["link-ca.pem"] }
    error_message = "The file's secret does not reach the container that writes it."
  }
  assert {
    condition     = jsondecode(jsondecode(output.containers)[0].environment[0].value) == { "link-ca.pem" = "FILE_LINK_CA_PEM" }
    error_message = "The writer is not told which variable is which file."
  }
  assert {
    condition     = jsondecode(output.containers)[1].dependsOn[0] == { containerName = "files", condition = "SUCCESS" }
    error_message = "The work begins before its files are there."
  }
  assert {
    condition     = length(output.secret_arns) == 2
    error_message = "Not all secrets are named for the role."
  }
}

run "what_works_is_confined" {
  command = plan
  assert {
    condition     = alltrue([for one in jsondecode(output.containers) : one.readonlyRootFilesystem && !one.privileged])
    error_message = "A container may write to its image, or is privileged."
  }
  assert {
    condition     = jsondecode(output.containers)[1].user == "1000" && jsondecode(output.containers)[1].mountPoints[0].readOnly
    error_message = "The work is done as root, or may change its files."
  }
  assert {
    condition     = !can(regex("arn:", jsonencode(jsondecode(output.containers)[1].environment))) && jsondecode(output.containers)[1].stopTimeout == 30
    error_message = "A secret is among the variables, or the time to stop is not as expected."
  }
}

run "metrics_go_out" {
  command = plan
  assert {
    condition     = yamldecode(jsondecode(output.containers)[2].environment[0].value).exporters.awsemf.metric_declarations[0] == { dimensions = [["region", "role"]], metric_name_selectors = ["^meridian_connections$"] }
    error_message = "The collector does not declare the metric with its dimensions."
  }
}

run "without_files" {
  command = plan
  variables { files = {} }
  assert {
    condition     = [for one in jsondecode(output.containers) : one.name] == ["edge", "metrics"] && length(output.volumes) == 0
    error_message = "A container for files is there without any."
  }
}

run "image_by_tag" {
  command = plan
  variables { image = "meridian:latest" }
  expect_failures = [var.image]
}

run "longer_to_stop_than_fargate_waits" {
  command = plan
  variables { stop_seconds = 121 }
  expect_failures = [var.stop_seconds]
}

run "name_of_a_file" {
  command = plan
  variables { files = { "../passwd" = "arn" } }
  expect_failures = [var.files]
}
