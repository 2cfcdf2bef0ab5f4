# What reads the sources: pollers as jobs that a schedule starts, webhooks and fetchers as services.
# All run one image; `args` are what a person would type after `salesintel`.

locals {
  # How often: a source that tells of its changes by webhook is polled for what no webhook told.
  polled = { gmail = "*/10 * * * *", salesforce = "*/2 * * * *", hubspot = "*/5 * * * *", dialpad = "*/5 * * * *" }

  jobs = !local.released ? {} : merge(
    {
      for source in var.sources : "poll-${source}" => {
        account = "poller-${source}", args = ["poll", source], cron = local.polled[source], timeout = 3000, source = source
      }
    },
    # As the poller of the source: the night asks the same vendor with the same secret.
    {
      for source in var.sources : "nightly-${source}" => {
        account = "poller-${source}", args = ["nightly", source], cron = "30 2 * * *", timeout = 14400, source = source
      }
    },
    # They exclude each other by the clock: one has to have ended, or timed out, and with it the
    # statement that outlives its container, before the other begins (tests/terraform/test_schedule.py).
    {
      compact   = { account = "compactor", args = ["compact"], cron = "20 0-1,5-23 * * *", timeout = 1800, source = "" }
      retention = { account = "retention", args = ["retention"], cron = "0 3 * * *", timeout = 4500, source = "" }
    },
    # Started by hand (docs/by-hand.md), each with what it is told: nobody can tell these accounts more.
    {
      compact-anew = { account = "compactor", args = ["compact", "--anew"], cron = "", timeout = 1800, source = "" }
    },
    {
      for span in ["1h", "24h", "7d"] : "verify-${span}" => {
        account = "quality", args = ["verify", "--within", span], cron = "", timeout = 900, source = ""
      }
    },
    # When a webhook of Dialpad is made or moved (docs/setup/dialpad.md).
    {
      for source in setintersection(var.sources, ["dialpad"]) : "subscribe-${source}" => {
        account = "subscriber", args = ["subscribe", source], cron = "", timeout = 600, source = ""
      }
    },
    {
      figures = { account = "quality", args = ["figures"], cron = "*/5 * * * *", timeout = 240, source = "" }
      quality = { account = "quality", args = ["quality"], cron = "30 4 * * *", timeout = 3600, source = "" }
      rates   = { account = "quality", args = ["figures", "--rates"], cron = "5 * * * *", timeout = 600, source = "" }
    },
  )

  run_services = !local.released ? {} : merge(
    {
      webhooks = {
        account = "webhooks", args = ["webhooks", "--host", "0.0.0.0", "--port", "8080"]
        least   = 1, most = 10, idle = true, public = true, source = ""
      }
    },
    # What was told lives as long as the instance does: a new one tells what lasts once more.
    {
      notify = {
        account = "notifier", args = ["notify", "--host", "0.0.0.0", "--port", "8080"]
        least   = 1, most = 1, idle = false, public = false, source = ""
      }
    },
    # They pull, so they are never without a processor, and one is always there.
    {
      for source in local.hinted : "fetch-${source}" => {
        account = "fetcher-${source}", args = ["fetch", source, "--host", "0.0.0.0", "--port", "8080"]
        least   = 1, most = 1, idle = false, public = false, source = source
      }
    },
  )
}

resource "google_cloud_run_v2_job" "this" {
  for_each = local.jobs

  name                = each.key
  location            = var.region
  deletion_protection = var.deletion_protection
  labels              = { component = each.key }

  template {
    task_count  = 1
    parallelism = 1

    template {
      service_account       = local.emails[each.value.account]
      timeout               = "${each.value.timeout}s"
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key        = local.kms_key
      # The next start tries again, from the cursor.
      max_retries = 0

      containers {
        image   = local.image
        command = ["salesintel"]
        args    = each.value.args

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }

        dynamic "env" {
          for_each = merge(local.environment, each.value.source == "" ? {} : { SALESINTEL_CURSORS = local.cursors[each.value.source] })

          content {
            name  = env.key
            value = env.value
          }
        }

        volume_mounts {
          name       = "settings"
          mount_path = dirname(local.settings)
        }
      }

      volumes {
        name = "settings"
        gcs {
          bucket        = google_storage_bucket.this["config"].name
          read_only     = true
          mount_options = local.mounted
        }
      }
    }
  }

  depends_on = [google_storage_bucket_iam_member.this, google_secret_manager_secret_iam_member.this]
}

resource "google_cloud_run_v2_service" "this" {
  for_each = local.run_services

  name                = each.key
  location            = var.region
  deletion_protection = var.deletion_protection
  ingress             = each.value.public ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
  # Vendors have no account of Google's: what they send is signed, and connectors/webhooks verifies it.
  # They come by the load balancer alone (edge.tf); no member allUsers is needed.
  invoker_iam_disabled = each.value.public
  default_uri_disabled = each.value.public
  labels               = { component = each.key }

  template {
    service_account                  = local.emails[each.value.account]
    timeout                          = "60s"
    max_instance_request_concurrency = 80
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = local.kms_key

    scaling {
      min_instance_count = each.value.least
      max_instance_count = each.value.most
    }

    containers {
      image   = local.image
      command = ["salesintel"]
      args    = each.value.args

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = "1", memory = "1Gi" }
        cpu_idle          = each.value.idle
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
        http_get {
          path = "/health/ready"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 15
        timeout_seconds   = 5
        failure_threshold = 4
        http_get {
          path = "/health/live"
          port = 8080
        }
      }

      readiness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        success_threshold = 1
        http_get {
          path = "/health/ready"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = merge(local.environment, each.value.source == "" ? {} : { SALESINTEL_CURSORS = local.cursors[each.value.source] })

        content {
          name  = env.key
          value = env.value
        }
      }

      volume_mounts {
        name       = "settings"
        mount_path = dirname(local.settings)
      }
    }

    volumes {
      name = "settings"
      gcs {
        bucket        = google_storage_bucket.this["config"].name
        read_only     = true
        mount_options = local.mounted
      }
    }
  }

  depends_on = [google_storage_bucket_iam_member.this, google_secret_manager_secret_iam_member.this]
}

locals {
  # What a container is told; nothing of it is a secret.
  environment = {
    SALESINTEL_PROJECT    = var.project
    SALESINTEL_CONFIG     = local.settings
    SALESINTEL_CONFIG_MD5 = local.settings_md5
    SALESINTEL_OBJECTS    = "gs://${google_storage_bucket.this["objects"].name}"
    SALESINTEL_LOGS       = "json"
  }
  cursors = { for source in var.sources : source => "gs://${google_storage_bucket.this["cursors-${source}"].name}" }
}
