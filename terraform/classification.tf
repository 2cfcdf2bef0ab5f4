# Columns of personal data by their class (schemas/columns.py): who has not the tag's role sees no
# value of them, neither in a table nor through a view.
# https://cloud.google.com/bigquery/docs/column-level-security-intro

locals {
  classes = !var.column_security ? {} : {
    identifier = "Identifies a person: an address, a number."
    personal   = "Another fact about a person."
    content    = "What people wrote and said."
  }
  # What people wrote is for those who work with customers; whoever runs the system sees ids alone.
  class_readers = {
    identifier = setunion(var.readers.rep, var.readers.manager)
    personal   = setunion(var.readers.rep, var.readers.manager)
    content    = setunion(var.readers.rep, var.readers.manager)
  }
  # Duties that read tagged columns: the resolver its own records, quality every column's shape.
  class_accounts = ["worker", "quality"]
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
  for_each = merge([
    for class in keys(local.classes) : {
      for member in local.class_readers[class] : "${class} ${member}" => { class = class, member = member }
    }
  ]...)

  policy_tag = google_data_catalog_policy_tag.this[each.value.class].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  member     = each.value.member
}

resource "google_data_catalog_policy_tag_iam_member" "accounts" {
  for_each = merge([
    for class in keys(local.classes) : {
      for account in local.class_accounts : "${class} ${account}" => { class = class, account = account }
    }
  ]...)

  policy_tag = google_data_catalog_policy_tag.this[each.value.class].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  member     = local.members[each.value.account]
}
