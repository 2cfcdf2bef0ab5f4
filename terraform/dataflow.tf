# The streaming pipeline, and a Flex Template of this release for it and for each job that is started by
# hand. A new release is a new template beside the old one, so that a running job can be updated, or
# gone back from.

locals {
  stream = {
    parameters = {
      pipeline          = "stream"
      messages_project  = var.project
      warehouse_project = var.project
      settings          = "gs://${google_storage_bucket.this["config"].name}/${google_storage_bucket_object.settings.name}"
      redaction_key     = "projects/${var.project}/secrets/${google_secret_manager_secret.this["redaction-key"].secret_id}/versions/latest"
      objects           = "gs://${google_storage_bucket.this["objects"].name}"
      shards            = tostring(var.shards)
      # An empty warehouse has no seeds, and so the first start is as every other.
      seeds = "tables"
    }
  }

  # What a job may be told, from pipelines/parameters.py.
  templates = {
    for name in concat(["stream"], keys(local.on_demand)) : name => jsondecode(file("${path.module}/../templates/${name}.json"))
  }
}

# https://cloud.google.com/dataflow/docs/guides/templates/using-flex-templates
resource "google_storage_bucket_object" "template" {
  for_each = { for name, metadata in local.templates : name => metadata if local.released }

  bucket       = google_storage_bucket.this["templates"].name
  name         = "${each.key}-${var.release}.json"
  content_type = "application/json"
  content = jsonencode({
    image    = local.image
    sdkInfo  = { language = "PYTHON" }
    metadata = each.value
  })
}

resource "google_dataflow_flex_template_job" "stream" {
  count    = local.released ? 1 : 0
  provider = google-beta

  name                    = "stream"
  region                  = var.region
  container_spec_gcs_path = "gs://${google_storage_bucket.this["templates"].name}/${google_storage_bucket_object.template["stream"].name}"
  parameters              = local.stream.parameters
  # Labels that have changed since the release that runs (docs/updates.md).
  transform_name_mapping = jsondecode(file("${path.module}/../templates/transform-names.json"))

  service_account_email   = local.emails["worker"]
  subnetwork              = google_compute_subnetwork.workers.id
  ip_configuration        = "WORKER_IP_PRIVATE"
  enable_streaming_engine = true
  autoscaling_algorithm   = "THROUGHPUT_BASED"
  num_workers             = 1
  max_workers             = var.workers.most
  machine_type            = var.workers.machine
  launcher_machine_type   = "n2-standard-2"
  sdk_container_image     = local.image
  staging_location        = "gs://${google_storage_bucket.this["staging"].name}/staging"
  temp_location           = "gs://${google_storage_bucket.this["staging"].name}/temp"
  kms_key_name            = local.kms_key
  # An element that takes this long is tried again in a new process. No hot-key logging: it prints keys.
  additional_pipeline_options = ["element_processing_timeout_minutes=10"]
  # Settings are read at launch: others are another label, and with it an update in place.
  labels = {
    component = "stream"
    release   = replace(var.release, ".", "_")
    settings  = local.settings_md5
  }

  # What is in flight is written before the job ends; only a person takes the job away.
  on_delete                    = "drain"
  deletion_policy              = var.deletion_protection ? "PREVENT" : "DELETE"
  skip_wait_on_job_termination = false

  lifecycle {
    # The provider replaces the job for another number of either. What runs is told by
    # `gcloud dataflow jobs update-options` (runbooks/workers-at-limit.md); what is launched anew has these.
    ignore_changes = [max_workers, num_workers]
  }

  depends_on = [
    google_bigquery_table_iam_member.this,
    google_project_iam_member.this,
    google_pubsub_subscription_iam_member.this,
    google_secret_manager_secret_iam_member.this,
    google_storage_bucket_iam_member.this,
  ]
}
