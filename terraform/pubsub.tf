# Topics and subscriptions as schemas/topology.py names them.

locals {
  engine_reads = { for name, one in local.topology.subscriptions : name => one if one.reader == "engine" }
  client_reads = { for name, one in local.topology.subscriptions : name => one if one.reader != "engine" }
  given_up     = { for name, one in local.client_reads : name => one if one.given_up_to != null }

  # Topics that no room of ours names: Gmail's pushes come in, reminders to rotate secrets go out.
  other_topics = setunion(contains(var.sources, "gmail") ? ["gmail"] : [], ["secret-rotation"])
}

resource "google_pubsub_topic" "this" {
  for_each = setunion(local.topology.topics, local.other_topics)

  name                       = each.key
  message_retention_duration = "${local.topology.retention_s}s"
  kms_key_name               = local.kms_key
  labels                     = { component = each.key }

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.service]
}

# Read by the engine: neither dead-letter nor retry policy, which Dataflow does not support; seven
# days of messages and seek are the rewind. Dataflow extends deadlines itself, and the longest one
# spares it the work. https://cloud.google.com/dataflow/docs/concepts/streaming-with-cloud-pubsub
resource "google_pubsub_subscription" "engine" {
  for_each = local.engine_reads

  name                       = each.key
  topic                      = google_pubsub_topic.this[each.value.topic].name
  ack_deadline_seconds       = 600
  message_retention_duration = "${local.topology.retention_s}s"
  retain_acked_messages      = true
  labels                     = { component = each.value.topic }

  expiration_policy {
    ttl = ""
  }
}

# Pulled by clients of ours: what fails comes again after a growing pause, and is given up at last to
# a topic where it becomes a row of ops.dead_letters.
resource "google_pubsub_subscription" "client" {
  for_each = local.client_reads

  name                       = each.key
  topic                      = google_pubsub_topic.this[each.value.topic].name
  ack_deadline_seconds       = each.value.ack_deadline_s
  message_retention_duration = "${local.topology.retention_s}s"
  retain_acked_messages      = true
  labels                     = { component = each.value.topic }

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "${each.value.pauses_s[0]}s"
    maximum_backoff = "${each.value.pauses_s[1]}s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.given_up_to == null ? [] : [each.value.given_up_to]

    content {
      dead_letter_topic     = "projects/${var.project}/topics/${google_pubsub_topic.this[dead_letter_policy.value].name}"
      max_delivery_attempts = local.topology.give_up_after
    }
  }
}

# Pub/Sub itself forwards what is given up.
resource "google_pubsub_topic_iam_member" "given_up_to" {
  for_each = local.given_up

  topic  = google_pubsub_topic.this[each.value.given_up_to].name
  role   = "roles/pubsub.publisher"
  member = local.agents["pubsub"]
}

resource "google_pubsub_subscription_iam_member" "given_up_from" {
  for_each = local.given_up

  subscription = google_pubsub_subscription.client[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.agents["pubsub"]
}

# Gmail tells this topic, and Pub/Sub tells the webhooks, signed as account gmail-push.
# https://developers.google.com/workspace/gmail/api/guides/push
resource "google_pubsub_topic_iam_member" "gmail" {
  count = contains(var.sources, "gmail") ? 1 : 0

  topic  = google_pubsub_topic.this["gmail"].name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:gmail-api-push@system.gserviceaccount.com"
}

resource "google_pubsub_subscription" "gmail_push" {
  count = contains(var.sources, "gmail") ? 1 : 0

  name                       = "gmail-push"
  topic                      = google_pubsub_topic.this["gmail"].name
  ack_deadline_seconds       = 60
  message_retention_duration = "86400s"
  labels                     = { component = "gmail" }

  push_config {
    push_endpoint = local.gmail_push
    oidc_token {
      service_account_email = local.emails["gmail-push"]
      audience              = local.gmail_push
    }
  }

  expiration_policy {
    ttl = ""
  }

  # A push holds no mail: polling meets what it would have told, so none is kept when given up.
  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "600s"
  }
}

locals {
  gmail_push = "https://${var.webhook_domain}/webhooks/gmail"
}
