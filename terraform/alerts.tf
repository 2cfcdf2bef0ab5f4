# alerts.yaml, and the burning of what the SLOs allow. Every policy says which runbook to open.

locals {
  alerts = yamldecode(file("${path.module}/alerts.yaml"))
  slos   = { freshness = google_monitoring_slo.freshness, webhooks = one(google_monitoring_slo.webhooks[*]) }

  channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  # A pager is woken by what cannot wait.
  channels_of = {
    CRITICAL = concat(local.channels, tolist(var.pager_channels))
    ERROR    = local.channels
    WARNING  = local.channels
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = "salesintel ${var.environment}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.released ? local.alerts : {}

  display_name          = "salesintel ${var.environment}: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels_of[each.value.severity]
  user_labels           = { component = "alert", alert = each.key }

  conditions {
    display_name = each.value.says

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.for}s"
      evaluation_interval = "60s"
      # A metric that nothing has been counted in yet is not known, and is no mistake.
      disable_metric_validation = true
    }
  }

  documentation {
    subject   = "${upper(var.environment)} ${each.value.says}"
    mime_type = "text/markdown"
    content   = "${each.value.says}\n\nRunbook: ${var.runbooks}/${each.key}.md"

    links {
      display_name = "Runbook"
      url          = "${var.runbooks}/${each.key}.md"
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  lifecycle {
    precondition {
      condition     = fileexists("${path.module}/../runbooks/${each.key}.md")
      error_message = "runbooks/${each.key}.md is missing: whoever is woken needs it."
    }
  }

  depends_on = [
    google_logging_metric.figure,
    google_logging_metric.check_failed,
    google_logging_metric.query_failed,
    google_logging_metric.secret_denied,
    google_logging_metric.warehouse_away,
  ]
}

# Fourteen times as fast as allowed for an hour: what a month allows would be gone in two days.
# https://sre.google/workbook/alerting-on-slos/
resource "google_monitoring_alert_policy" "burn" {
  for_each = local.released ? toset(["freshness", "webhooks"]) : toset([])

  display_name          = "salesintel ${var.environment}: ${each.key}-slo"
  combiner              = "AND"
  severity              = "CRITICAL"
  notification_channels = local.channels_of.CRITICAL
  user_labels           = { component = "alert", alert = "${each.key}-slo" }

  dynamic "conditions" {
    for_each = { "3600s" = 14, "21600s" = 6 }

    content {
      display_name = "Burns ${conditions.value} times too fast over ${conditions.key}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.slos[each.key].name}\", \"${conditions.key}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = conditions.value
        duration        = "0s"
      }
    }
  }

  documentation {
    subject   = "${upper(var.environment)} SLO ${each.key} burns"
    mime_type = "text/markdown"
    content   = "Less is well than the SLO promises.\n\nRunbook: ${var.runbooks}/${each.key}-slo.md"

    links {
      display_name = "Runbook"
      url          = "${var.runbooks}/${each.key}-slo.md"
    }
  }
}
