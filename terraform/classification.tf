# Columns of personal data by their class (schemas/columns.py): who has not the tag's role sees no
# value of them, neither in a table nor through a view. Which classes there are, what they mean and
# which columns they have comes from schemas/; the accounts that see them stand in accounts.yaml.
# https://cloud.google.com/bigquery/docs/column-level-security-intro

locals {
  classes = var.column_security ? local.manifest.taxonomy : {}
  # What people wrote is for those who work with customers; whoever runs the system sees ids alone.
  class_readers = setunion(var.readers.rep, var.readers.manager)
}

resource "google_data_catalog_taxonomy" "this" {
  count = var.column_security ? 1 : 0

  display_name           = "salesintel"
  region                 = lower(var.warehouse_location)
  description            = "Classes of personal data."
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]

  depends_on = [google_project_service.this]
}

resource "google_data_catalog_policy_tag" "this" {
  for_each = local.classes

  taxonomy     = google_data_catalog_taxonomy.this[0].id
  display_name = each.key
  description  = each.value
}

resource "google_data_catalog_policy_tag_iam_member" "people" {
  for_each = {
    for pair in setproduct(keys(local.classes), local.class_readers) :
    "${pair[0]} ${pair[1]}" => { class = pair[0], member = pair[1] }
  }

  policy_tag = google_data_catalog_policy_tag.this[each.value.class].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  member     = each.value.member
}
