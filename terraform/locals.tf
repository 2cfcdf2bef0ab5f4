# What stands elsewhere in the repository is read, never written twice: tables and topics come from
# schemas/ (`make schemas`), views from warehouse/views, accounts and roles from the YAML beside this.

locals {
  labels = {
    application = "salesintel"
    environment = var.environment
    cost_center = var.cost_center
    managed_by  = "terraform"
  }

  manifest = jsondecode(file("${path.module}/schemas/manifest.json"))
  topology = jsondecode(file("${path.module}/schemas/topology.json"))

  # Sources whose fetchers follow hints.
  hinted = toset([
    for name in keys(local.topology.subscriptions) : trimprefix(name, "fetch-")
    if startswith(name, "fetch-") && contains(var.sources, trimprefix(name, "fetch-"))
  ])

  released = var.release != ""
  image    = "${var.region}-docker.pkg.dev/${var.project}/salesintel/salesintel:${var.release}"
  settings = "/etc/salesintel/salesintel.toml"
  # Commands are not root (templates/salesintel), and what is mounted is theirs.
  mounted = ["uid=65532", "gid=65532"]
}

data "google_project" "this" {
  project_id = var.project
}
