# Who releases has no key: GitHub says what runs, and Google lets that act as the deployer. It has to be
# our repository, by its number, for a name can be taken over; a tag; and the environment in which
# people have to approve it. https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines

locals {
  federated = var.repository_id == null ? toset([]) : toset(["github"])
}

resource "google_iam_workload_identity_pool" "this" {
  for_each = local.federated

  workload_identity_pool_id = "salesintel-releases"
  display_name              = "salesintel releases"
  description               = "What may act as the deployer without being a person."

  depends_on = [google_project_service.state]
}

resource "google_iam_workload_identity_pool_provider" "this" {
  for_each = local.federated

  workload_identity_pool_id          = google_iam_workload_identity_pool.this[each.key].workload_identity_pool_id
  workload_identity_pool_provider_id = each.key
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"          = "assertion.sub"
    "attribute.repository_id" = "assertion.repository_id"
    "attribute.ref"           = "assertion.ref"
  }
  attribute_condition = join(" && ", [
    "assertion.repository_id == '${var.repository_id}'",
    "assertion.ref_type == 'tag'",
    "assertion.environment == 'production'",
  ])

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "releases" {
  for_each = local.federated

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.this[each.key].name}/attribute.repository_id/${var.repository_id}"
}
