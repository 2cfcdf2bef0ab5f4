# What is promised, over 28 days: rows are at most five minutes behind in 99.5 % of five-minute
# windows, and 99.9 % of deliveries are answered without a 5xx.

resource "google_monitoring_custom_service" "stream" {
  service_id   = "salesintel-stream"
  display_name = "salesintel stream"
}

resource "google_monitoring_slo" "freshness" {
  service             = google_monitoring_custom_service.stream.service_id
  slo_id              = "freshness"
  display_name        = "Rows are at most 300 s behind"
  goal                = 0.995
  rolling_period_days = 28

  windows_based_sli {
    window_period = "300s"

    metric_mean_in_range {
      time_series = "metric.type=\"dataflow.googleapis.com/job/data_watermark_age\" resource.type=\"dataflow_job\" resource.label.\"job_name\"=\"stream\""

      range {
        min = 0
        max = 300
      }
    }
  }
}

resource "google_monitoring_custom_service" "webhooks" {
  service_id   = "salesintel-webhooks"
  display_name = "salesintel webhooks"
}

resource "google_monitoring_slo" "webhooks" {
  count = local.released ? 1 : 0

  service             = google_monitoring_custom_service.webhooks.service_id
  slo_id              = "availability"
  display_name        = "Deliveries are answered"
  goal                = 0.999
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.label.\"service_name\"=\"webhooks\""
      bad_service_filter   = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.label.\"service_name\"=\"webhooks\" metric.label.\"response_code_class\"=\"5xx\""
    }
  }
}

# From outside, through the load balancer, as a vendor comes.
resource "google_monitoring_uptime_check_config" "webhooks" {
  count = local.released ? 1 : 0

  display_name = "salesintel webhooks"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = "/health/ready"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = var.webhook_domain }
  }
}
