# Containers of secrets. Their values are added by hand and never stand in Terraform's state:
#   gcloud secrets versions add NAME --data-file=-

locals {
  # Whose a secret is (the source, or the duty), and after how many days somebody is reminded.
  every_secret = {
    salesforce-consumer-key    = { of = "salesforce", days = 365 }
    salesforce-consumer-secret = { of = "salesforce", days = 90 }
    hubspot-token              = { of = "hubspot", days = 180 }
    hubspot-webhook            = { of = "hubspot", days = 365 }
    dialpad-token              = { of = "dialpad", days = 180 }
    dialpad-webhook            = { of = "dialpad", days = 180 }
    notify-slack               = { of = "notifier", days = 365 }
    notify-mail                = { of = "notifier", days = 180 }
    # Never rotated: hashes under another key do not meet.
    redaction-key = { of = "worker", days = null }
  }
  secrets = {
    for name, one in local.every_secret : name => one
    if !contains(["gmail", "salesforce", "hubspot", "dialpad"], one.of) || contains(var.sources, one.of)
  }
}

resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.deletion_protection
  # A destroyed version can be had back for a week.
  version_destroy_ttl = "604800s"
  labels              = { component = each.value.of }

  replication {
    user_managed {
      replicas {
        location = var.region

        dynamic "customer_managed_encryption" {
          for_each = var.customer_managed_keys ? [local.kms_key] : []

          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  dynamic "topics" {
    for_each = each.value.days == null ? [] : [1]

    content {
      name = "projects/${var.project}/topics/${google_pubsub_topic.this["secret-rotation"].name}"
    }
  }

  dynamic "rotation" {
    for_each = each.value.days == null ? [] : [each.value.days]

    content {
      rotation_period    = "${rotation.value * 86400}s"
      next_rotation_time = timeadd(plantimestamp(), "${rotation.value * 24}h")
    }
  }

  lifecycle {
    # Secret Manager moves it on by itself.
    ignore_changes = [rotation[0].next_rotation_time]
  }

  depends_on = [google_pubsub_topic_iam_member.secret_rotation, google_kms_crypto_key_iam_member.service]
}

# Secret Manager tells this topic when a secret is due, and of every other change of one.
resource "google_pubsub_topic_iam_member" "secret_rotation" {
  topic  = google_pubsub_topic.this["secret-rotation"].name
  role   = "roles/pubsub.publisher"
  member = local.agents["secretmanager"]
}

# Who rotates is told of those that are due alone; what has been rotated is acknowledged.
# https://cloud.google.com/secret-manager/docs/event-notifications
resource "google_pubsub_subscription" "secret_due" {
  name                       = "secret-due"
  topic                      = google_pubsub_topic.this["secret-rotation"].name
  filter                     = "attributes.eventType = \"SECRET_ROTATE\""
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"
  labels                     = { component = "secret-rotation" }

  expiration_policy {
    ttl = ""
  }
}
