# Jobs that are started by hand when they are needed (docs/updates.md): a template each, the account that
# it runs as, and the command that starts it so.

locals {
  on_demand = {
    for name, account in { backfill = "backfiller", replay = "replayer", rebuild = "rebuilder" } : name => {
      account                       = account
      metadata                      = jsondecode(file("${path.module}/../templates/${name}.json"))
    }
  }

  launches = {
    for name, template in google_storage_bucket_object.job_template : name => join(" ", [
      "gcloud dataflow flex-template run ${name}-$(date +%s)",
      "--project=${var.project}",
      "--region=${var.region}",
      "--impersonate-service-account=${local.emails["launcher"]}",
      "--template-file-gcs-location=gs://${google_storage_bucket.this["templates"].name}/${template.name}",
      "--service-account-email=${local.emails[local.on_demand[name].account]}",
      "--subnetwork=regions/${var.region}/subnetworks/${google_compute_subnetwork.workers.name}",
      "--disable-public-ips",
      "--max-workers=${var.workers.most}",
      "--staging-location=gs://${google_storage_bucket.this["staging"].name}/staging",
      "--temp-location=gs://${google_storage_bucket.this["staging"].name}/temp",
      join(" ", var.customer_managed_keys ? ["--dataflow-kms-key=${local.kms_key}"] : []),
      "--parameters=${join(",", [
        for parameter, value in merge(local.stream.parameters, { pipeline = name, sdk_container_image = local.image }) :
        "${parameter}=${value}"
        if contains(concat(["sdk_container_image"], local.on_demand[name].metadata.parameters[*].name), parameter)
      ])}",
    ])
  }
}

resource "google_storage_bucket_object" "job_template" {
  for_each = { for name, one in local.on_demand : name => one if local.released }

  bucket       = google_storage_bucket.this["templates"].name
  name         = "${each.key}-${var.release}.json"
  content_type = "application/json"
  content = jsonencode({
    image    = local.image
    sdkInfo  = { language = "PYTHON" }
    metadata = each.value.metadata
  })
}
