# Datasets and tables as schemas/ describes them (`make schemas`).

locals {
  retention_days = merge(local.manifest.retention_days, var.retention.days)
  # BigQuery knows no exceptions: with anything on hold job `retention` does it all.
  expiry_days = {
    for id, one in local.manifest.tables :
    id => one.retention == null || var.retention.legal_hold ? null : local.retention_days[one.retention]
  }

  tables = {
    for id, one in local.manifest.tables : id => merge(one, {
      dataset = split(".", id)[0]
      name    = split(".", id)[1]
      # Tagged where column security is on: the tag of the column's class.
      columns = [
        for column in jsondecode(file("${path.module}/schemas/${id}.json")) : merge(
          column,
          contains(keys(one.policies), column.name) && var.column_security ? {
            policyTags = { names = [google_data_catalog_policy_tag.this[one.policies[column.name]].name] }
          } : {}
        )
      ]
    })
  }
}

resource "google_bigquery_dataset" "this" {
  for_each = local.manifest.datasets

  dataset_id                 = each.key
  location                   = var.warehouse_location
  description                = each.value
  max_time_travel_hours      = "168"
  delete_contents_on_destroy = false
  labels                     = { component = each.key }

  dynamic "default_encryption_configuration" {
    for_each = var.customer_managed_keys ? [local.kms_key] : []

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  lifecycle {
    # Who may read it is grants.tf's and views.tf's, an entry each.
    ignore_changes = [access]

    precondition {
      condition     = !var.customer_managed_keys || lower(var.warehouse_location) == lower(var.region)
      error_message = "customer_managed_keys wants warehouse_location to be the region of the key."
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.service]
}

# Primary keys of current tables alone: in others rows are appended and a key has many versions, and
# BigQuery believes a declared key when it plans joins. https://cloud.google.com/bigquery/docs/primary-foreign-keys
resource "google_bigquery_table" "this" {
  for_each = local.tables

  dataset_id          = google_bigquery_dataset.this[each.value.dataset].dataset_id
  table_id            = each.value.name
  description         = each.value.description
  schema              = jsonencode(each.value.columns)
  clustering          = each.value.cluster
  deletion_protection = var.deletion_protection
  labels              = { component = each.value.dataset }

  dynamic "time_partitioning" {
    for_each = each.value.partition == null ? [] : [each.value.partition]

    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = local.expiry_days[each.key] == null ? null : local.expiry_days[each.key] * 86400000
    }
  }

  dynamic "table_constraints" {
    for_each = length(each.value.primary_key) == 0 ? [] : [each.value.primary_key]

    content {
      primary_key {
        columns = table_constraints.value
      }
    }
  }
}
