# Buckets by what may happen to what lies there. No object has rights of its own.

locals {
  buckets = merge(
    {
      # Settings of the deployment.
      config = { versions = true, days = null, temp_days = null }
      # Payloads above 7 MB: raw content, kept as long as raw.changes.
      objects = { versions = false, days = local.expiry_days["raw.changes"], temp_days = null }
      # A Flex Template a release: a running job is updated from the one before.
      templates = { versions = true, days = null, temp_days = null }
    },
    # What Dataflow stages, and its temporary files. Whoever replaces a file there says what workers run:
    # so the stream has one of its own, and so has each job that is started by hand.
    # Every worker of the stream that starts later, be it after months, reads what its launch has staged,
    # and so does the next update: of the stream only what is temporary goes.
    { staging = { versions = false, days = null, temp_days = 14 } },
    { for job in keys(local.on_demand) : "staging-${job}" => { versions = false, days = 14, temp_days = null } },
    # A bucket a source, so that no poller can move another's cursor.
    { for source in var.sources : "cursors-${source}" => { versions = true, days = null, temp_days = null } },
  )
}

resource "google_storage_bucket" "this" {
  for_each = local.buckets

  name                        = "${var.project}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = { component = each.key }

  versioning {
    enabled = each.value.versions
  }

  soft_delete_policy {
    # Payloads that were erased are gone; anything else can be brought back for a week.
    retention_duration_seconds = each.key == "objects" ? 0 : 604800
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.days == null ? [] : [each.value.days]

    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.temp_days == null ? [] : [each.value.temp_days]

    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["temp/"]
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versions ? [1] : []

    content {
      action {
        type = "Delete"
      }
      condition {
        num_newer_versions         = 10
        days_since_noncurrent_time = 30
        with_state                 = "ARCHIVED"
      }
    }
  }

  dynamic "encryption" {
    for_each = var.customer_managed_keys ? [local.kms_key] : []

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.service]
}

resource "google_storage_bucket_object" "settings" {
  bucket       = google_storage_bucket.this["config"].name
  name         = "salesintel.toml"
  source       = var.settings_file
  content_type = "application/toml"
}

resource "google_artifact_registry_repository" "this" {
  repository_id = "salesintel"
  location      = var.region
  format        = "DOCKER"
  description   = "The image that everything runs from."
  kms_key_name  = local.kms_key

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-the-last-twenty"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "drop-what-is-old"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.service]
}
