output "backend" {
  description = "What environments/<name>.backend say."
  value       = { bucket = google_storage_bucket.state.name }
}

output "deployer" {
  description = "Account to act as: GOOGLE_IMPERSONATE_SERVICE_ACCOUNT."
  value       = google_service_account.deployer.email
}

output "workload_identity_provider" {
  description = "Variable WORKLOAD_IDENTITY_PROVIDER of the environment `production` on GitHub; null where nothing releases by itself."
  value       = one([for one in google_iam_workload_identity_pool_provider.this : one.name])
}
