# Who read which secret and which table, kept for more than a year where nobody can shorten it.

resource "google_project_iam_audit_config" "this" {
  for_each = toset(["secretmanager.googleapis.com", "bigquery.googleapis.com", "iamcredentials.googleapis.com"])

  project = var.project
  service = each.key

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_bucket_config" "audit" {
  project        = var.project
  location       = var.region
  bucket_id      = "salesintel-audit"
  description    = "Data-access and admin-activity logs."
  retention_days = 400
  locked         = var.environment == "prod"

  depends_on = [google_project_service.this]
}

resource "google_logging_project_sink" "audit" {
  name                   = "salesintel-audit"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\""
  unique_writer_identity = true
}
