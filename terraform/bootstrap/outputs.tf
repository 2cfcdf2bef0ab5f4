output "backend" {
  description = "What environments/<name>.backend say."
  value       = { bucket = google_storage_bucket.state.name }
}

output "deployer" {
  description = "Account to act as: GOOGLE_IMPERSONATE_SERVICE_ACCOUNT."
  value       = google_service_account.deployer.email
}
