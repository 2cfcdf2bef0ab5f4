output "webhook_address" {
  description = "Address that the A record of webhook_domain leads to."
  value       = google_compute_global_address.webhooks.address
}

output "webhook_urls" {
  description = "What each vendor is told to call."
  value       = { for source in setintersection(var.sources, ["gmail", "hubspot", "dialpad"]) : source => "https://${var.webhook_domain}/webhooks/${source}" }
}

output "gmail_topic" {
  description = "Setting `topic` of [sources.gmail]."
  value       = contains(var.sources, "gmail") ? "projects/${var.project}/topics/${google_pubsub_topic.this["gmail"].name}" : null
}

output "gmail_delegate" {
  description = "Account of the domain-wide delegation: its email is setting `service_account`, its id goes into the Admin console."
  value = contains(var.sources, "gmail") ? {
    email     = local.emails["gmail-delegate"]
    client_id = google_service_account.this["gmail-delegate"].unique_id
  } : null
}

output "gmail_push_account" {
  description = "Setting `push_account` of [sources.gmail]."
  value       = contains(var.sources, "gmail") ? local.emails["gmail-push"] : null
}

output "secrets" {
  description = "References for the settings file; each needs a version added by hand."
  value       = { for name, one in google_secret_manager_secret.this : name => "projects/${var.project}/secrets/${one.secret_id}/versions/latest" }
}

output "repository" {
  description = "Where the image of a release is pushed."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}"
}

output "buckets" {
  description = "Buckets by what they hold."
  value       = { for name, one in google_storage_bucket.this : name => one.name }
}

output "accounts" {
  description = "Service accounts by duty."
  value       = local.emails
}

output "launches" {
  description = "What starts each job that runs when it is needed: add --parameters NAME=VALUE,… of its own (docs/updates.md)."
  value       = local.launches
}
