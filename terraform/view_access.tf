# Who asks a view reads what the view reads, and needs no right on the tables: each view is authorised
# on the datasets that it reads. https://cloud.google.com/bigquery/docs/authorized-views

locals {
  made_views = merge(
    module.views_0.made,
    module.views_1.made,
    module.views_2.made,
    module.views_3.made,
    module.views_4.made,
    module.views_5.made,
    module.views_6.made,
  )
  view_grants = merge([
    for id, view in local.views : merge([
      for role in view.metadata.readers : {
        for member in var.readers[role] : "${id} ${member}" => { view = id, member = member }
      }
    ]...)
  ]...)
  # Whoever may ask a view runs the question as a job of the project.
  askers = setunion(var.readers.rep, var.readers.manager, var.readers.operator)
}

resource "google_bigquery_dataset_access" "view" {
  for_each = merge([
    for id, view in local.views : {
      for dataset in view.datasets : "${id} reads ${dataset}" => { view = id, dataset = dataset }
    }
  ]...)

  dataset_id = google_bigquery_dataset.this[each.value.dataset].dataset_id

  view {
    project_id = var.project
    dataset_id = local.made_views[each.value.view].dataset_id
    table_id   = local.made_views[each.value.view].table_id
  }
}

resource "google_bigquery_table_iam_member" "reader" {
  for_each = local.view_grants

  dataset_id = local.made_views[each.value.view].dataset_id
  table_id   = local.made_views[each.value.view].table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}

# Who asked what is written beside it, under the asker's own name.
resource "google_bigquery_table_iam_member" "asked" {
  for_each = local.askers

  dataset_id = google_bigquery_table.this["ops.audit"].dataset_id
  table_id   = google_bigquery_table.this["ops.audit"].table_id
  role       = local.ours["rowWriter"]
  member     = each.value
}

# Logs name what happened by ids; charts have figures. Runbooks look at both.
resource "google_project_iam_member" "watcher" {
  for_each = {
    for pair in setproduct(["roles/logging.viewer", "roles/monitoring.viewer"], var.readers.operator) :
    join(" ", pair) => { role = pair[0], member = pair[1] }
  }

  project = var.project
  role    = each.value.role
  member  = each.value.member
}

resource "google_project_iam_member" "asker" {
  for_each = local.askers

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.value
}
