# Jobs on Dataflow that are started by hand when they are needed (docs/updates.md): the account that each
# runs as, and the command that starts it so.

locals {
  on_demand = { backfill = "backfiller", replay = "replayer", rebuild = "rebuilder" }

  launches = {
    for name, account in local.on_demand : name => join(" ", [
      "gcloud dataflow flex-template run ${name}-$(date +%s)",
      "--project=${var.project}",
      "--region=${var.region}",
      "--impersonate-service-account=${local.emails["dispatcher"]}",
      "--template-file-gcs-location=gs://${google_storage_bucket.this["templates"].name}/${google_storage_bucket_object.template[name].name}",
      "--service-account-email=${local.emails[account]}",
      "--subnetwork=regions/${var.region}/subnetworks/${google_compute_subnetwork.workers.name}",
      "--disable-public-ips",
      "--max-workers=${var.workers.most}",
      "--staging-location=gs://${google_storage_bucket.this["staging-${name}"].name}/staging",
      "--temp-location=gs://${google_storage_bucket.this["staging-${name}"].name}/temp",
      join(" ", var.customer_managed_keys ? ["--dataflow-kms-key=${local.kms_key}"] : []),
      # The provider puts these on all that it makes itself: the bill is read by them.
      "--additional-user-labels=${join(",", [
        for label, value in merge(local.labels, { component = name }) : "${label}=${value}"
      ])}",
      "--parameters=${join(",", [
        for parameter, value in merge(local.stream.parameters, { pipeline = name, sdk_container_image = local.image }) :
        "${parameter}=${value}"
        if contains(concat(["sdk_container_image"], local.templates[name].parameters[*].name), parameter)
      ])}",
    ])
    if local.released
  }
}

# Where who may start them reads how, of this project and of the release that runs: Terraform's state is
# the deployer's alone.
resource "google_storage_bucket_object" "launch" {
  for_each = local.launches

  bucket       = google_storage_bucket.this["templates"].name
  name         = "${each.key}.sh"
  content_type = "text/plain; charset=utf-8"
  content      = each.value
}
