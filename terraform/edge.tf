# The way of the vendors to the webhooks: a load balancer that speaks TLS, lets through what is for
# /webhooks/ and holds back whoever calls too often.

resource "google_compute_global_address" "webhooks" {
  name = "salesintel-webhooks"

  depends_on = [google_project_service.this]
}

resource "google_compute_region_network_endpoint_group" "webhooks" {
  count = local.released ? 1 : 0

  name                  = "salesintel-webhooks"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.this["webhooks"].name
  }
}

resource "google_compute_security_policy" "webhooks" {
  name        = "salesintel-webhooks"
  description = "Holds back whoever calls too often."

  rule {
    action      = "throttle"
    priority    = 1000
    description = "Requests a minute and address."

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.webhook_requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "All others: the service verifies signatures itself."

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_backend_service" "webhooks" {
  count = local.released ? 1 : 0

  name                  = "salesintel-webhooks"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.webhooks.id

  backend {
    group = google_compute_region_network_endpoint_group.webhooks[0].id
  }

  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

# What no vendor calls is refused at the edge by an empty bucket, without waking an instance.
resource "google_compute_backend_bucket" "nothing" {
  count = local.released ? 1 : 0

  name        = "salesintel-nothing"
  bucket_name = google_storage_bucket.nothing[0].name
}

resource "google_storage_bucket" "nothing" {
  count = local.released ? 1 : 0

  name                        = "${var.project}-nothing"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = { component = "edge" }
}

resource "google_compute_url_map" "webhooks" {
  count = local.released ? 1 : 0

  name            = "salesintel-webhooks"
  default_service = google_compute_backend_bucket.nothing[0].id

  host_rule {
    hosts        = [var.webhook_domain]
    path_matcher = "webhooks"
  }

  path_matcher {
    name            = "webhooks"
    default_service = google_compute_backend_bucket.nothing[0].id

    path_rule {
      paths   = ["/webhooks/*", "/health/ready"]
      service = google_compute_backend_service.webhooks[0].id
    }
  }
}

resource "google_compute_managed_ssl_certificate" "webhooks" {
  name = "salesintel-webhooks"

  managed {
    domains = [var.webhook_domain]
  }
}

resource "google_compute_ssl_policy" "webhooks" {
  name            = "salesintel-webhooks"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "webhooks" {
  count = local.released ? 1 : 0

  name             = "salesintel-webhooks"
  url_map          = google_compute_url_map.webhooks[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.webhooks.id]
  ssl_policy       = google_compute_ssl_policy.webhooks.id
}

resource "google_compute_global_forwarding_rule" "webhooks" {
  count = local.released ? 1 : 0

  name                  = "salesintel-webhooks"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.webhooks.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.webhooks[0].id
}
