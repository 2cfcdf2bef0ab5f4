# Rows with what people wrote and said: whoever is in no policy of their tables sees none of them,
# whatever right on a table, a dataset or the project they have or are given. The accounts that may
# read the tables see all; so do those who ask the views, which have no right on a table: what each
# may read sales.messages says, by ops.readers.
# https://cloud.google.com/bigquery/docs/row-level-security-intro

locals {
  texts = toset(var.row_policies_by == null ? [] : [for id, one in local.manifest.tables : id if one.retention == "bodies"])

  reading_roles = concat(
    [for name, one in local.roles.custom : "custom/${name}" if contains(one.permissions, "bigquery.tables.getData")],
    [for name, one in local.roles.predefined : name if contains(one.permissions, "bigquery.tables.getData")],
  )
  row_readers = {
    for id in local.texts : id => sort(distinct([
      for grant in local.spread : local.members[grant.account]
      if contains(local.reading_roles, grant.role) && contains(["table/${id}", "dataset/${split(".", id)[0]}"], "${grant.kind}/${grant.name}")
    ]))
  }
  text_askers = sort(setunion(var.readers.rep, var.readers.manager))
}

# First, for with the other alone they would see nothing.
resource "google_bigquery_row_access_policy" "views" {
  for_each = length(local.text_askers) == 0 ? [] : local.texts

  dataset_id       = google_bigquery_table.this[each.key].dataset_id
  table_id         = google_bigquery_table.this[each.key].table_id
  policy_id        = "asked_through_views"
  filter_predicate = "TRUE"
  grantees         = local.text_askers

  depends_on = [google_bigquery_table_iam_member.row_policies]
}

resource "google_bigquery_row_access_policy" "accounts" {
  for_each = local.texts

  dataset_id       = google_bigquery_table.this[each.key].dataset_id
  table_id         = google_bigquery_table.this[each.key].table_id
  policy_id        = "accounts"
  filter_predicate = "TRUE"
  grantees         = local.row_readers[each.key]

  depends_on = [google_bigquery_row_access_policy.views]
}

# Whoever makes a policy has to be able to read the table; in no policy itself, it sees no row.
# https://cloud.google.com/bigquery/docs/managing-row-level-security
resource "google_bigquery_table_iam_member" "row_policies" {
  for_each = local.texts

  dataset_id = google_bigquery_table.this[each.key].dataset_id
  table_id   = google_bigquery_table.this[each.key].table_id
  role       = local.ours["rowReader"]
  member     = var.row_policies_by
}
