locals {
  services = toset([
    "artifactregistry",
    "bigquery",
    "bigquerystorage",
    "billingbudgets",
    "cloudkms",
    "cloudscheduler",
    "compute",
    "datacatalog",
    "dataflow",
    "dns",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
  ])
  # Of the sources that are Google's own.
  vendor_services = contains(var.sources, "gmail") ? toset(["gmail", "admin"]) : toset([])
}

resource "google_project_service" "this" {
  for_each = setunion(local.services, local.vendor_services)

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

# Makes Google's own accounts that act for us; each gets what it needs on single resources.
resource "google_project_service_identity" "this" {
  for_each = toset(["pubsub", "secretmanager", "artifactregistry"])
  provider = google-beta

  service = "${each.key}.googleapis.com"

  depends_on = [google_project_service.this]
}
