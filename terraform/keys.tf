# One key of ours, where the deployment wants it (customer_managed_keys). Google's accounts encrypt
# with it; nobody of ours may.

# A new project has neither of these accounts until somebody asks for it, and a grant to one that is not
# there is refused. Those of Dataflow, Compute Engine and Cloud Run come with their services.
# https://cloud.google.com/bigquery/docs/reference/rest/v2/projects/getServiceAccount
data "google_bigquery_default_service_account" "this" {
  count = var.customer_managed_keys ? 1 : 0

  depends_on = [google_project_service.this]
}

# https://cloud.google.com/storage/docs/getting-service-agent
data "google_storage_project_service_account" "this" {
  count = var.customer_managed_keys ? 1 : 0

  depends_on = [google_project_service.this]
}

locals {
  kms_key = var.customer_managed_keys ? google_kms_crypto_key.this[0].id : null
  key_users = var.customer_managed_keys ? {
    pubsub           = local.agents["pubsub"]
    secretmanager    = local.agents["secretmanager"]
    bigquery         = data.google_bigquery_default_service_account.this[0].member
    dataflow         = "serviceAccount:service-${data.google_project.this.number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    artifactregistry = local.agents["artifactregistry"]
    storage          = data.google_storage_project_service_account.this[0].member
    compute          = "serviceAccount:service-${data.google_project.this.number}@compute-system.iam.gserviceaccount.com"
    run              = "serviceAccount:service-${data.google_project.this.number}@serverless-robot-prod.iam.gserviceaccount.com"
  } : {}
}

resource "google_kms_key_ring" "this" {
  count = var.customer_managed_keys ? 1 : 0

  name     = "salesintel"
  location = var.region

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "this" {
  count = var.customer_managed_keys ? 1 : 0

  name                       = "salesintel"
  key_ring                   = google_kms_key_ring.this[0].id
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"

  # What it has encrypted is lost with it.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "service" {
  for_each = local.key_users

  crypto_key_id = google_kms_crypto_key.this[0].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
