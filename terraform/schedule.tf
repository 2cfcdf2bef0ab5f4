# What starts the jobs (the Run API takes an OAuth token), and what asks the services that nobody else
# calls whether they are ready (services take an OIDC token): a 503 there shows in their requests.

resource "google_cloud_scheduler_job" "job" {
  for_each = { for name, one in local.jobs : name => one if one.cron != "" }

  name             = each.key
  region           = var.region
  description      = "salesintel ${join(" ", each.value.args)}"
  schedule         = each.value.cron
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/${google_cloud_run_v2_job.this[each.key].name}:run"

    oauth_token {
      service_account_email = local.emails["scheduler"]
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.this]
}

resource "google_cloud_scheduler_job" "service" {
  for_each = { for name, one in local.run_services : name => one if !one.public }

  name             = "ready-${each.key}"
  region           = var.region
  description      = "Is ${each.key} ready?"
  schedule         = "*/5 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "30s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "GET"
    uri         = "${google_cloud_run_v2_service.this[each.key].uri}/health/ready"

    oidc_token {
      service_account_email = local.emails["scheduler"]
      audience              = google_cloud_run_v2_service.this[each.key].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.this]
}
