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
  # By the object's name: what reads the settings is changed after they lie there.
  settings = "/etc/salesintel/${google_storage_bucket_object.settings.name}"
  # They are read when something starts. Their digest is told to all that reads them, so that others make
  # new revisions, and update the stream, without a new release.
  settings_md5 = filemd5(var.settings_file)
  # Commands are not root (templates/salesintel), and what is mounted is theirs.
  mounted = ["uid=65532", "gid=65532"]
}

data "google_project" "this" {
  project_id = var.project
}
