# One service account a duty (accounts.yaml), and roles of ours where Google's give too much
# (roles.yaml). No account has a key.

locals {
  # Where a source is not read its accounts are not there.
  accounts = {
    for name, one in yamldecode(file("${path.module}/accounts.yaml")) : name => one
    if !can(one.source) || contains(var.sources, try(one.source, ""))
  }
  roles = yamldecode(file("${path.module}/roles.yaml"))
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.key
  display_name = "salesintel ${each.key}"
  description  = each.value.duty

  depends_on = [google_project_service.this]
}

# Written out, so that a plan shows who gets what before anything is there.
locals {
  emails  = { for name, one in google_service_account.this : name => "${one.account_id}@${var.project}.iam.gserviceaccount.com" }
  members = { for name, email in local.emails : name => "serviceAccount:${email}" }
  ours    = { for name, one in google_project_iam_custom_role.this : name => "projects/${var.project}/roles/${one.role_id}" }
  # Google's own accounts that act for us.
  agents = {
    for name, one in google_project_service_identity.this :
    name => "serviceAccount:service-${data.google_project.this.number}@gcp-sa-${name}.iam.gserviceaccount.com"
  }
}

resource "google_project_iam_custom_role" "this" {
  for_each = local.roles.custom

  role_id     = "salesintel.${each.key}"
  title       = "salesintel ${each.key}"
  description = each.value.why
  permissions = each.value.permissions
}

# People act as these when they need their rights, which nobody does all day. Who erases, exports
# and grants does so at a terminal: what a job of Cloud Run is started with stays in its list of
# executions, and would name the person.
locals {
  acted_as = merge(
    { for account in ["launcher", "releaser", "rotator"] : account => var.releasers },
    { dispatcher = var.dispatchers },
    { for account in ["eraser", "exporter", "granter"] : account => var.data_protection },
    { steward = var.stewards },
  )
}

resource "google_service_account_iam_member" "acting" {
  for_each = merge([
    for account, members in local.acted_as : { for member in members : "${account} ${member}" => { account = account, member = member } }
  ]...)

  service_account_id = "projects/${var.project}/serviceAccounts/${local.emails[each.value.account]}"
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value.member
}

# Pub/Sub signs Gmail's pushes as gmail-push.
resource "google_service_account_iam_member" "push_signer" {
  count = contains(var.sources, "gmail") ? 1 : 0

  service_account_id = "projects/${var.project}/serviceAccounts/${local.emails["gmail-push"]}"
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.agents["pubsub"]
}
