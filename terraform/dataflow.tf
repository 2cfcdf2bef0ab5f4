# The streaming pipeline, from a Flex Template of this release. A new release is a new template beside
# the old one, so that a running job can be updated, or gone back from.

locals {
  stream = {
    name        = "stream"
    description = "Changes from Pub/Sub to BigQuery, deduplicated and resolved to people and accounts."
    # Names are those of pipelines/options.py.
    parameters = {
      messages_project  = { value = var.project, help = "Project of topics and subscriptions." }
      warehouse_project = { value = var.project, help = "Project of the datasets." }
      settings          = { value = "gs://${google_storage_bucket.this["config"].name}/salesintel.toml", help = "Settings file." }
      objects           = { value = "gs://${google_storage_bucket.this["objects"].name}", help = "Payloads above 7 MB." }
      shards            = { value = tostring(var.shards), help = "Shards of keyed state." }
    }
  }
}

# https://cloud.google.com/dataflow/docs/guides/templates/using-flex-templates
resource "google_storage_bucket_object" "stream_template" {
  count = local.released ? 1 : 0

  bucket       = google_storage_bucket.this["templates"].name
  name         = "stream-${var.release}.json"
  content_type = "application/json"
  content = jsonencode({
    image   = local.image
    sdkInfo = { language = "PYTHON" }
    metadata = {
      name        = local.stream.name
      description = local.stream.description
      parameters = [
        for name, one in local.stream.parameters :
        { name = name, label = name, helpText = one.help, isOptional = true }
      ]
    }
  })
}

resource "google_dataflow_flex_template_job" "stream" {
  count    = local.released ? 1 : 0
  provider = google-beta

  name                    = "stream"
  region                  = var.region
  container_spec_gcs_path = "gs://${google_storage_bucket.this["templates"].name}/${google_storage_bucket_object.stream_template[0].name}"
  parameters              = { for name, one in local.stream.parameters : name => one.value }

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
  labels                      = { component = "stream" }

  # What is in flight is written before the job ends; only a person takes the job away.
  on_delete                    = "drain"
  deletion_policy              = var.deletion_protection ? "PREVENT" : "DELETE"
  skip_wait_on_job_termination = false

  depends_on = [
    google_bigquery_table_iam_member.this,
    google_project_iam_member.this,
    google_pubsub_subscription_iam_member.this,
    google_storage_bucket_iam_member.this,
  ]
}
