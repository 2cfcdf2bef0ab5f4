# accounts.yaml, spread out: a grant a resource. Nothing is granted to an account anywhere else.

locals {
  # Names that a pattern can mean, by kind.
  grantable = {
    account      = keys(google_service_account.this)
    bucket       = keys(local.buckets)
    current      = [for id, one in local.manifest.tables : id if one.current_of != null]
    dataset      = keys(local.manifest.datasets)
    job          = keys(local.jobs)
    project      = [""]
    repository   = ["salesintel"]
    secret       = keys(local.secrets)
    service      = keys(local.run_services)
    subscription = concat(keys(local.topology.subscriptions), ["secret-due"])
    table        = [for id, one in local.manifest.tables : id if one.current_of == null]
    tag          = keys(local.classes)
    topic        = local.topology.topics
    view         = keys(local.views)
  }

  written = flatten([
    for account, one in local.accounts : [
      for grant in one.grants : {
        account = account
        role    = grant.role
        kind    = split("/", grant.resource)[0]
        pattern = try(split("/", grant.resource)[1], "")
        matched = "^${replace(replace(try(split("/", grant.resource)[1], ""), ".", "\\."), "*", ".*")}$"
      }
    ]
  ])

  spread = flatten([
    for grant in local.written : [
      for name in local.grantable[grant.kind] : merge(grant, { name = name })
      if can(regex(grant.matched, name))
    ]
  ])

  grants = {
    for grant in local.spread :
    "${grant.account} ${basename(grant.role)} ${grant.kind}/${grant.name}" => merge(grant, {
      member = local.members[grant.account]
      role = (
        startswith(grant.role, "custom/")
        ? local.ours[trimprefix(grant.role, "custom/")]
        : grant.role
      )
    })
  }

  # What means nothing is a slip of the pen, unless its source is not read, nothing is released, or
  # columns are not tagged.
  unmeant = [
    for grant in local.written : "${grant.account}: ${grant.kind}/${grant.pattern}"
    if(grant.kind != "tag" || var.column_security) && !anytrue([
      for name in local.grantable[grant.kind] :
      can(regex(grant.matched, name))
    ])
  ]
}

check "every_grant_is_on_something" {
  assert {
    condition     = !local.released || length(var.sources) < 4 || length(local.unmeant) == 0
    error_message = "accounts.yaml grants on what is not there: ${join(", ", local.unmeant)}"
  }
}

resource "google_project_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "project" }

  project = var.project
  role    = each.value.role
  member  = each.value.member
}

resource "google_pubsub_topic_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "topic" }

  topic  = google_pubsub_topic.this[each.value.name].name
  role   = each.value.role
  member = each.value.member
}

resource "google_pubsub_subscription_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "subscription" }

  subscription = merge(
    google_pubsub_subscription.engine,
    google_pubsub_subscription.client,
    { secret-due = google_pubsub_subscription.secret_due },
  )[each.value.name].name
  role   = each.value.role
  member = each.value.member
}

resource "google_bigquery_table_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if contains(["current", "table"], grant.kind) }

  dataset_id = google_bigquery_table.this[each.value.name].dataset_id
  table_id   = google_bigquery_table.this[each.value.name].table_id
  role       = each.value.role
  member     = each.value.member
}

resource "google_bigquery_table_iam_member" "view" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "view" }

  dataset_id = local.made_views[each.value.name].dataset_id
  table_id   = local.made_views[each.value.name].table_id
  role       = each.value.role
  member     = each.value.member
}

resource "google_data_catalog_policy_tag_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "tag" }

  policy_tag = google_data_catalog_policy_tag.this[each.value.name].name
  role       = each.value.role
  member     = each.value.member
}

# Not google_bigquery_dataset_iam_member, which takes authorised views away from the dataset.
resource "google_bigquery_dataset_access" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "dataset" }

  dataset_id = google_bigquery_dataset.this[each.value.name].dataset_id
  role       = each.value.role
  iam_member = each.value.member
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "bucket" }

  bucket = google_storage_bucket.this[each.value.name].name
  role   = each.value.role
  member = each.value.member
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "secret" }

  secret_id = google_secret_manager_secret.this[each.value.name].secret_id
  role      = each.value.role
  member    = each.value.member
}

resource "google_service_account_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "account" }

  service_account_id = "projects/${var.project}/serviceAccounts/${local.emails[each.value.name]}"
  role               = each.value.role
  member             = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "repository" }

  repository = google_artifact_registry_repository.this.repository_id
  location   = var.region
  role       = each.value.role
  member     = each.value.member
}

resource "google_cloud_run_v2_job_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "job" }

  name     = google_cloud_run_v2_job.this[each.value.name].name
  location = var.region
  role     = each.value.role
  member   = each.value.member
}

resource "google_cloud_run_v2_service_iam_member" "this" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "service" }

  name     = google_cloud_run_v2_service.this[each.value.name].name
  location = var.region
  role     = each.value.role
  member   = each.value.member
}
