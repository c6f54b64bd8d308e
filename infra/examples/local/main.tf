# Meridian in two regions on this machine: the same map of regions as on AWS, and in place of AWS processes that npm starts.
# No provider is needed: terraform_data comes with Terraform.

module "topology" {
  source  = "../../modules/topology"
  domain  = "meridian.test"
  regions = var.regions
}

locals {
  checkout = abspath("${path.module}/../../..")
  names    = sort(keys(module.topology.regions))
  words = [
    "--regions", join(",", local.names),
    "--sites", join(",", module.topology.sites),
    "--edges", tostring(module.topology.regions[local.names[0]].edges.min),
    "--cores", tostring(max([for name in module.topology.sites : length(module.topology.regions[name].core_commands)]...)),
    "--wan-ms", tostring(var.wan_ms),
  ]
  flags = concat(local.words, var.namespaces ? [] : ["--no-namespaces"])
  up    = var.build ? "npm run --silent regions:up --" : "node infra/local/regions/main.node.ts up"
  # An installation keeps its shape: another one is another folder.
  dir = "${coalesce(var.folder, "${local.checkout}/.local/terraform")}/${substr(sha256(join(" ", local.flags)), 0, 8)}"
}

resource "terraform_data" "regions" {
  input            = { dir = local.dir, checkout = local.checkout }
  triggers_replace = [local.dir]

  # Ends when all of it answers. What there is then is kept for the outputs. What does not come up is taken down again: Terraform
  # does not run the other provisioner of a resource that was never whole.
  provisioner "local-exec" {
    working_dir = local.checkout
    command     = <<-EOT
      mkdir -p "$DIR" && ${local.up} --dir "$DIR" ${join(" ", local.flags)} --json > "$DIR/terraform.json" && exit
      npm run --silent regions:down -- --dir "$DIR"
      exit 1
    EOT
    environment = { DIR = local.dir }
  }

  # Ends when every process has.
  provisioner "local-exec" {
    when        = destroy
    working_dir = self.input.checkout
    command     = "npm run --silent regions:down -- --dir \"$DIR\" && rm -f \"$DIR/terraform.json\""
    environment = { DIR = self.input.dir }
  }
}

locals {
  # Known only after apply: the folder is the resource's.
  started = try(jsondecode(file("${terraform_data.regions.output.dir}/terraform.json")).regions, [])
}

check "regions_answer" {
  assert {
    condition     = sort([for region in local.started : region.name]) == tolist(local.names)
    error_message = "Regions that answer are '${join(", ", [for region in local.started : region.name])}', not ${join(", ", local.names)}."
  }
}
