"""Mistakes by which somebody may do, see or keep more than they should, or less."""

from mutation import PAGE, Mutation

_FILE = "terraform/"
_HINTS = "    - { resource: topic/hints-gmail, role: roles/pubsub.publisher, why: publishes hints }"
_BIGQUERY = "{ resource: project, role: roles/bigquery.jobUser, why: reads what the resolver is"

ACCESS = (
    Mutation(
        "a grant is dropped: the webhooks cannot publish hints",
        _FILE + "accounts.yaml",
        _HINTS + "\n",
        "",
    ),
    Mutation(
        "a grant is dropped: a fetcher cannot pull",
        _FILE + "accounts.yaml",
        "    - { resource: subscription/fetch-hubspot, role: roles/pubsub.subscriber, "
        "why: pulls hints }\n",
        "",
    ),
    Mutation(
        "a grant is dropped: who rotates cannot see which secret is due",
        _FILE + "accounts.yaml",
        "    - { resource: subscription/secret-due, role: roles/pubsub.subscriber, "
        'why: "is told which are due, and says which are done" }\n',
        "",
    ),
    Mutation(
        "a grant is widened: a poller reads and deletes payloads",
        _FILE + "accounts.yaml",
        "bucket/objects, role: custom/payloadWriter",
        "bucket/objects, role: roles/storage.objectUser",
    ),
    Mutation(
        "a role is widened: who writes rows reads them, too",
        _FILE + "roles.yaml",
        "permissions: [bigquery.tables.get, bigquery.tables.updateData]",
        "permissions: [bigquery.tables.get, bigquery.tables.getData, bigquery.tables.updateData]",
    ),
    Mutation(
        "a data role on the project",
        _FILE + "accounts.yaml",
        _BIGQUERY,
        _BIGQUERY.replace("jobUser", "dataViewer"),
    ),
    Mutation(
        "people are editors of the project",
        _FILE + "view_access.tf",
        'role    = "roles/bigquery.jobUser"',
        'role    = "roles/editor"',
    ),
    Mutation(
        "everybody may call a service",
        _FILE + "grants.tf",
        "  name     = google_cloud_run_v2_service.this[each.value.name].name\n"
        "  location = var.region\n  role     = each.value.role\n  member   = each.value.member",
        "  name     = google_cloud_run_v2_service.this[each.value.name].name\n"
        '  location = var.region\n  role     = each.value.role\n  member   = "allUsers"',
    ),
    Mutation(
        "a poller reads the secret of another source",
        _FILE + "accounts.yaml",
        "secret/hubspot-token, role",
        "secret/dialpad-token, role",
    ),
    Mutation(
        "whoever rotates secrets reads them",
        _FILE + "roles.yaml",
        "      - secretmanager.versions.add\n",
        "      - secretmanager.versions.access\n      - secretmanager.versions.add\n",
    ),
    Mutation(
        "a poller reads what webhooks are signed with",
        _FILE + "accounts.yaml",
        "secret/dialpad-token, role",
        "secret/dialpad-webhook, role",
    ),
    Mutation(
        "a poller moves the cursors of another source",
        _FILE + "accounts.yaml",
        "bucket/cursors-hubspot, role",
        "bucket/cursors-gmail, role",
    ),
    Mutation(
        "who decides who is who acts as who replaces the stream",
        _FILE + "identity.tf",
        "{ steward = var.stewards }",
        "{ releaser = setunion(var.releasers, var.stewards), steward = [] }",
    ),
    Mutation(
        "a column is renamed",
        _FILE + "schemas/sales.people.json",
        '"name": "full_name"',
        '"name": "fullname"',
        noticed="test_what_is_generated_is_not_stale",
    ),
    Mutation(
        "a table is left out",
        _FILE + "warehouse.tf",
        "for_each = local.tables",
        'for_each = { for id, one in local.tables : id => one if id != "ops.dead_letters" }',
    ),
    Mutation(
        "rows are kept for hours in place of days",
        _FILE + "warehouse.tf",
        "local.expiry_days[each.key] * 86400000",
        "local.expiry_days[each.key] * 3600000",
    ),
    Mutation(
        "views name tables without their project",
        _FILE + "views.tf",
        '"`${var.project}.$1`"',
        '"`$1`"',
    ),
    Mutation(
        "objects have rights of their own",
        _FILE + "storage.tf",
        "uniform_bucket_level_access = true",
        "uniform_bucket_level_access = false",
    ),
    Mutation(
        "secrets can be destroyed",
        _FILE + "secrets.tf",
        "= var.deletion_protection",
        "= false",
    ),
    Mutation(
        "who reads secrets is not logged",
        _FILE + "audit.tf",
        '["ADMIN_READ", "DATA_READ", "DATA_WRITE"]',
        '["ADMIN_READ"]',
    ),
    Mutation(
        "the retention deletes what people have decided",
        _FILE + "accounts.yaml",
        "resource: table/identity.records, role: custom/rowEraser",
        "resource: table/identity.overrides, role: custom/rowEraser",
    ),
    Mutation(
        "a steward cannot note what he looks at",
        _FILE + "accounts.yaml",
        "    - { resource: table/ops.audit, role: custom/rowWriter, "
        'why: "notes who decides what, before it is done, and who looks at whom" }\n',
        "",
    ),
    Mutation(
        "the compactor cannot move a view",
        _FILE + "accounts.yaml",
        "    - { resource: view/sales.consent, role: custom/viewKeeper, "
        "why: reads the latest rows from the copy }\n",
        "",
    ),
    Mutation(
        "a replay cannot read what was said about a dead letter",
        _FILE + "accounts.yaml",
        "    - { resource: tag/personal, role: roles/datacatalog.categoryFineGrainedReader, "
        "why: and what was said about it }\n",
        "",
    ),
    Mutation(
        "a backfill publishes hints, too",
        _FILE + "accounts.yaml",
        'resource: "topic/changes-*", role: roles/pubsub.publisher, why: publishes what the',
        'resource: "topic/*", role: roles/pubsub.publisher, why: publishes what the',
    ),
    Mutation(
        "a rebuild may take away what it makes rows from",
        _FILE + "accounts.yaml",
        "resource: table/raw.changes, role: custom/rowReader, why: what rows are made from",
        "resource: table/raw.changes, role: custom/rowEraser, why: what rows are made from",
    ),
    Mutation(
        "a rebuild cannot take back how far a copy is",
        _FILE + "accounts.yaml",
        '    - { resource: "current/*", role: custom/markKeeper, '
        "why: no view may go by a copy of what is replaced }\n",
        "",
    ),
    Mutation(
        "nobody can start a rebuild",
        _FILE + "accounts.yaml",
        "    - { resource: account/rebuilder, role: roles/iam.serviceAccountUser, "
        "why: job rebuild runs as it }\n",
        "",
    ),
    Mutation(
        "a replay runs with the rights of the stream",
        _FILE + "jobs.tf",
        'replay = "replayer"',
        'replay = "worker"',
    ),
    Mutation(
        "a release can publish",
        _FILE + "accounts.yaml",
        '"topic/changes-*", role: custom/topicAttacher',
        '"topic/changes-*", role: roles/pubsub.publisher',
    ),
    Mutation(
        "a release cannot go back to where a subscription stood",
        _FILE + "roles.yaml",
        "pubsub.snapshots.get, pubsub.snapshots.seek]",
        "pubsub.snapshots.get]",
    ),
    Mutation(
        "Dialpad's subscriptions are made without the secret that signs",
        _FILE + "accounts.yaml",
        "    - { resource: secret/dialpad-webhook, role: roles/secretmanager.secretAccessor, "
        "why: what Dialpad is to sign with }\n",
        "",
    ),
    Mutation(
        "whoever polls Dialpad reads what its events are signed with",
        _FILE + "accounts.yaml",
        "    - { resource: topic/changes-dialpad, role: roles/pubsub.publisher, "
        "why: publishes changes }\n",
        "    - { resource: topic/changes-dialpad, role: roles/pubsub.publisher, "
        "why: publishes changes }\n"
        "    - { resource: secret/dialpad-webhook, role: roles/secretmanager.secretAccessor, "
        "why: doctor looks at it }\n",
    ),
    Mutation(
        "nobody can start the jobs of Cloud Run by hand",
        _FILE + "accounts.yaml",
        '    - { resource: "job/*", role: custom/jobStarter, why: starts it }\n',
        "",
    ),
    Mutation(
        "whoever starts jobs tells those that see every row what to do",
        _FILE + "accounts.yaml",
        '"job/poll-*", role: custom/jobTeller',
        '"job/*", role: custom/jobTeller',
    ),
    Mutation(
        "whoever starts jobs of Cloud Run runs any code as what rebuilds",
        _FILE + "accounts.yaml",
        "    - { resource: project, role: custom/pipelineViewer, why: sees which pipelines run }\n",
        "    - { resource: project, role: custom/pipelineViewer, why: sees which pipelines run }\n"
        "    - { resource: account/rebuilder, role: roles/iam.serviceAccountUser, why: as it }\n",
    ),
    Mutation(
        "whoever starts jobs on Dataflow runs any code as the stream",
        _FILE + "accounts.yaml",
        "    - { resource: account/rebuilder, role: roles/iam.serviceAccountUser, "
        "why: job rebuild runs as it }\n",
        "    - { resource: account/rebuilder, role: roles/iam.serviceAccountUser, "
        "why: job rebuild runs as it }\n"
        "    - { resource: account/worker, role: roles/iam.serviceAccountUser, why: as it }\n",
    ),
    Mutation(
        "a backfill may replace what the stream's workers load",
        _FILE + "accounts.yaml",
        "bucket/staging-backfill, role: roles/storage.objectUser",
        "bucket/staging, role: roles/storage.objectUser",
    ),
    Mutation(
        "a backfill and a rebuild stage in one bucket",
        _FILE + "accounts.yaml",
        "bucket/staging-backfill, role: roles/storage.objectUser",
        "bucket/staging-rebuild, role: roles/storage.objectUser",
    ),
    Mutation(
        "everybody who releases starts what rebuilds",
        _FILE + "identity.tf",
        "{ dispatcher = var.dispatchers }",
        "{ dispatcher = setunion(var.dispatchers, var.releasers) }",
    ),
    Mutation(
        "the scheduler starts what is started by hand",
        _FILE + "accounts.yaml",
        "resource: job/compact, role: roles/run.invoker",
        'resource: "job/compact*", role: roles/run.invoker',
    ),
    Mutation(
        "people act as the stream",
        _FILE + "identity.tf",
        '["launcher", "releaser", "rotator"]',
        '["launcher", "releaser", "rotator", "worker"]',
    ),
    Mutation(
        "the pipeline writes into the copies, too",
        _FILE + "grants.tf",
        "    table        = [for id, one in local.manifest.tables : id if one.current_of == null]",
        "    table        = keys(local.manifest.tables)",
    ),
    Mutation(
        "a copy has no key",
        _FILE + "warehouse.tf",
        "for_each = length(each.value.primary_key) == 0 ? [] : [each.value.primary_key]",
        "for_each = []",
    ),
    Mutation(
        "a class of personal data has no tag",
        _FILE + "classification.tf",
        "classes = var.column_security ? local.manifest.taxonomy : {}",
        "classes = var.column_security ? { for name, one in local.manifest.taxonomy : "
        'name => one if name != "personal" } : {}',
    ),
    Mutation(
        "columns of personal data carry the tag of another class",
        _FILE + "schemas/manifest.json",
        '"subject": "content"',
        '"subject": "personal"',
        noticed="test_what_is_generated_is_not_stale",
    ),
    Mutation(
        "operators see personal data",
        _FILE + "classification.tf",
        "setunion(var.readers.rep, var.readers.manager)",
        "setunion(var.readers.rep, var.readers.manager, var.readers.operator)",
    ),
    Mutation(
        "operators see rows with texts",
        _FILE + "row_access.tf",
        "setunion(var.readers.rep, var.readers.manager)",
        "setunion(var.readers.rep, var.readers.manager, var.readers.operator)",
    ),
    Mutation(
        "calls have no row access policy",
        _FILE + "row_access.tf",
        'if one.retention == "bodies"]',
        'if id == "sales.bodies"]',
    ),
    Mutation(
        "a view is not authorised on what it reads",
        _FILE + "view_access.tf",
        "for dataset in view.datasets :",
        'for dataset in setsubtract(view.datasets, ["ops"]) :',
    ),
    Mutation(
        "an environment keeps texts for longer than its settings say",
        _FILE + "environments/prod.toml",
        "[webhooks]",
        "[retention]\nbodies = 200\n\n[webhooks]",
        noticed="test_terraform_keeps_rows_as_long_as_the_settings_of_the_environment_say",
    ),
    Mutation(
        "a hold does not hold partitions",
        _FILE + "warehouse.tf",
        "one.retention == null || var.retention.legal_hold ? null",
        "one.retention == null ? null",
        plans=True,
    ),
    Mutation(
        "an erasure does not reach a table that names people",
        _FILE + "accounts.yaml",
        "    - { resource: table/ops.readers, role: custom/rowEraser, "
        "why: empties what names them }\n",
        "",
    ),
    Mutation(
        "every repository on GitHub may release",
        _FILE + "bootstrap/federation.tf",
        "    \"assertion.repository_id == '${var.repository_id}'\",\n",
        "",
        noticed="test_google_takes_tags_of_our_repository_alone",
    ),
    Mutation(
        "a release uses a key",
        ".github/workflows/release.yml",
        "          service_account: ${{ vars.DEPLOYER }}\n",
        "          credentials_json: ${{ secrets.DEPLOYER_KEY }}\n",
        noticed="test_no_key_is_kept_anywhere",
    ),
    Mutation(
        "the page of permissions leaves one out",
        PAGE,
        "| topic `hints-gmail` | `roles/pubsub.publisher` | publishes hints |\n",
        "",
        noticed="test_the_page_is_not_stale",
    ),
)
