# Once, by hand, by who owns the projects: the bucket of Terraform's state and the account that
# deploys. Its own state stays with who ran it; it holds nothing that cannot be imported again.

resource "google_project_service" "state" {
  for_each = toset(["iam.googleapis.com", "iamcredentials.googleapis.com", "storage.googleapis.com", "sts.googleapis.com"])

  service            = each.key
  disable_on_destroy = false
}

# What Terraform has to ask with before it can enable the rest.
resource "google_project_service" "deployed" {
  for_each = {
    for pair in setproduct(keys(var.projects), ["cloudresourcemanager", "serviceusage", "iam"]) :
    "${pair[0]} ${pair[1]}" => { project = var.projects[pair[0]], service = pair[1] }
  }

  project            = each.value.project
  service            = "${each.value.service}.googleapis.com"
  disable_on_destroy = false
}

resource "google_storage_bucket" "state" {
  name                        = var.state_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions         = 30
      days_since_noncurrent_time = 90
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Who reads states, and when.
resource "google_project_iam_audit_config" "state" {
  project = var.state_project
  service = "storage.googleapis.com"

  dynamic "audit_log_config" {
    for_each = ["DATA_READ", "DATA_WRITE"]

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_service_account" "deployer" {
  account_id   = "salesintel-deployer"
  display_name = "salesintel deployer"
  description  = "Plans and applies Terraform, pushes images."

  depends_on = [google_project_service.state]
}

resource "google_service_account_iam_member" "deployers" {
  for_each = var.deployers

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.key
}

resource "google_storage_bucket_iam_member" "deployer" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.deployer.member
}

# A role of our own: Google's admin roles read data as well. It makes, changes and removes what these
# files name, and reads no row, message, object or secret. Who may set policies could grant himself
# more, which the audit log shows: so few may act as the deployer.
resource "google_project_iam_custom_role" "deployer" {
  for_each = var.projects

  project     = each.value
  role_id     = "salesintel.deployer"
  title       = "salesintel deployer"
  description = "Everything that terraform/ makes, and no data."
  permissions = sort(flatten([
    for service, kinds in yamldecode(file("${path.module}/deployer.yaml")) : [
      for kind, verbs in kinds : [for verb in verbs : "${service}.${kind}.${verb}"]
    ]
  ]))
}

resource "google_project_iam_member" "deployer" {
  for_each = var.projects

  project = each.value
  role    = google_project_iam_custom_role.deployer[each.key].id
  member  = google_service_account.deployer.member
}
