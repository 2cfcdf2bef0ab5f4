# Workers have no public address: Google's APIs are reached from within, and nothing else is.

resource "google_compute_network" "this" {
  name                    = "salesintel"
  auto_create_subnetworks = false

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "workers" {
  name                     = "salesintel-workers"
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = "10.64.0.0/22"
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_5_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Workers shuffle among themselves. https://cloud.google.com/dataflow/docs/guides/routes-firewall
resource "google_compute_firewall" "among_workers" {
  name        = "salesintel-among-workers"
  network     = google_compute_network.this.id
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}

resource "google_compute_firewall" "nothing_else_in" {
  name          = "salesintel-nothing-else-in"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

# The image is complete and secrets come through Google's APIs: workers call nobody else.
resource "google_compute_firewall" "to_google" {
  name               = "salesintel-to-google"
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = ["199.36.153.8/30", "34.126.0.0/18", google_compute_subnetwork.workers.ip_cidr_range]

  allow {
    protocol = "tcp"
    ports    = ["443", "12345-12346"]
  }
}

resource "google_compute_firewall" "nothing_else_out" {
  name               = "salesintel-nothing-else-out"
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

# *.googleapis.com and the registry lead to private.googleapis.com (199.36.153.8/30).
# https://cloud.google.com/vpc/docs/configure-private-google-access
locals {
  private_zones = { googleapis = "googleapis.com.", registry = "pkg.dev." }
}

resource "google_dns_managed_zone" "private" {
  for_each = local.private_zones

  name        = "salesintel-${each.key}"
  dns_name    = each.value
  description = "Google's APIs by their private addresses."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "private" {
  for_each = local.private_zones

  managed_zone = google_dns_managed_zone.private[each.key].name
  name         = each.value
  type         = "A"
  ttl          = 300
  rrdatas      = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
}

resource "google_dns_record_set" "any" {
  for_each = local.private_zones

  managed_zone = google_dns_managed_zone.private[each.key].name
  name         = "*.${each.value}"
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [each.value]
}
