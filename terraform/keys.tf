# One key of ours, where the deployment wants it (customer_managed_keys). Google's accounts encrypt
# with it; nobody of ours may.

locals {
  kms_key = var.customer_managed_keys ? google_kms_crypto_key.this[0].id : null
  key_users = var.customer_managed_keys ? {
    pubsub           = local.agents["pubsub"]
    secretmanager    = local.agents["secretmanager"]
    bigquery         = "serviceAccount:bq-${data.google_project.this.number}@bigquery-encryption.iam.gserviceaccount.com"
    dataflow         = "serviceAccount:service-${data.google_project.this.number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    artifactregistry = local.agents["artifactregistry"]
    storage          = "serviceAccount:service-${data.google_project.this.number}@gs-project-accounts.iam.gserviceaccount.com"
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
