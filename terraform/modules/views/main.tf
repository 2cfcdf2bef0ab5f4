# Views that read nothing of each other.

variable "views" {
  description = "By id: dataset, name, query, and what metadata.yaml says."
  type = map(object({
    dataset  = string
    name     = string
    query    = string
    metadata = object({ description = string })
  }))
}

resource "google_bigquery_table" "this" {
  for_each = var.views

  dataset_id          = each.value.dataset
  table_id            = each.value.name
  description         = each.value.metadata.description
  deletion_protection = false
  labels              = { component = each.value.dataset }

  view {
    query          = each.value.query
    use_legacy_sql = false
  }
}

output "made" {
  description = "By id: where each view stands, known once it is there."
  value       = { for id, view in google_bigquery_table.this : id => { dataset_id = view.dataset_id, table_id = view.table_id } }
}
