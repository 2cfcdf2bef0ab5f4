# Figures that only our own logs have. Jobs `figures` and `rates` ask the views and print
# each figure as a JSON line; what the platform counts itself is not counted again.

resource "google_logging_metric" "figure" {
  name        = "salesintel/figure"
  description = "A figure of ops.health, of a source's freshness, of its quota or of its match rate."
  filter      = "resource.type=\"cloud_run_job\" resource.labels.job_name=(\"figures\" OR \"rates\") jsonPayload.figure:*"

  value_extractor = "EXTRACT(jsonPayload.value)"
  label_extractors = {
    figure = "EXTRACT(jsonPayload.figure)"
    source = "EXTRACT(jsonPayload.source)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "1"

    labels {
      key        = "figure"
      value_type = "STRING"
    }
    labels {
      key        = "source"
      value_type = "STRING"
    }
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 64
      growth_factor      = 2
      scale              = 0.01
    }
  }
}

resource "google_logging_metric" "check_failed" {
  name        = "salesintel/check_failed"
  description = "Checks of ops.health that were not well when they were asked."
  filter      = "resource.type=\"cloud_run_job\" resource.labels.job_name=\"figures\" jsonPayload.ok=false"

  label_extractors = { check = "EXTRACT(jsonPayload.figure)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "check"
      value_type = "STRING"
    }
  }
}

# The sink says so every ten seconds while it waits; nothing is acknowledged meanwhile.
resource "google_logging_metric" "warehouse_away" {
  name        = "salesintel/warehouse_away"
  description = "The pipeline waits for BigQuery."
  filter      = "resource.type=\"dataflow_step\" (jsonPayload.message:\"waiting for the warehouse\" OR jsonPayload.message:\"cannot be written\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_logging_metric" "query_failed" {
  name        = "salesintel/query_failed"
  description = "Queries of our accounts that BigQuery has refused or broken off."
  filter      = "resource.type=\"bigquery_project\" protoPayload.serviceName=\"bigquery.googleapis.com\" protoPayload.metadata.jobChange.job.jobStatus.errorResult.code>0 protoPayload.authenticationInfo.principalEmail:\"@${var.project}.iam.gserviceaccount.com\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_logging_metric" "secret_denied" {
  name        = "salesintel/secret_denied"
  description = "Somebody asked for a secret that is not theirs."
  filter      = "resource.type=\"audited_resource\" protoPayload.serviceName=\"secretmanager.googleapis.com\" protoPayload.status.code=7"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}
