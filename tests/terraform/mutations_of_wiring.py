"""Mistakes in what reads, runs, is watched and is told."""

from mutation import Mutation

_FILE = "terraform/"

WIRING = (
    Mutation(
        "all pollers run as one account",
        _FILE + "connectors.tf",
        'account = "poller-${source}", args = ["poll", source]',
        'account = "poller-salesforce", args = ["poll", source]',
    ),
    Mutation(
        "a dead-letter policy on what the engine reads",
        _FILE + "pubsub.tf",
        "  ack_deadline_seconds       = 600\n",
        "  ack_deadline_seconds       = 600\n\n  dead_letter_policy {\n"
        '    dead_letter_topic = "projects/p/topics/dead-letters"\n  }\n\n',
    ),
    Mutation(
        "hints that fail are never given up",
        _FILE + "pubsub.tf",
        "for_each = each.value.given_up_to == null ? [] : [each.value.given_up_to]",
        "for_each = []",
    ),
    Mutation(
        "what the engine has acknowledged cannot be sought back to",
        _FILE + "pubsub.tf",
        "  retain_acked_messages      = true\n",
        "  retain_acked_messages      = false\n",
    ),
    Mutation(
        "a subscription that nobody reads for a month expires",
        _FILE + "pubsub.tf",
        '  expiration_policy {\n    ttl = ""\n  }\n',
        '  expiration_policy {\n    ttl = "2678400s"\n  }\n',
    ),
    Mutation(
        "pushes are signed for another address",
        _FILE + "pubsub.tf",
        "audience              = local.gmail_push",
        'audience              = "https://example.com"',
    ),
    Mutation(
        "the stream does not say of which release it is",
        _FILE + "dataflow.tf",
        ', release = replace(var.release, ".", "_")',
        "",
    ),
    Mutation(
        "how a job is started is written where nobody looks for it",
        _FILE + "jobs.tf",
        '  name         = "${each.key}.sh"',
        '  name         = "${each.key}-${var.release}.sh"',
    ),
    Mutation("the stream is cancelled", _FILE + "dataflow.tf", '= "drain"', '= "cancel"'),
    Mutation(
        "workers have public addresses",
        _FILE + "dataflow.tf",
        '"WORKER_IP_PRIVATE"',
        '"WORKER_IP_PUBLIC"',
    ),
    Mutation(
        "the template has a parameter that the pipeline has not",
        _FILE + "dataflow.tf",
        "      shards            = ",
        "      shard_count       = ",
    ),
    Mutation(
        "webhooks are called past the load balancer",
        _FILE + "connectors.tf",
        '"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"',
        '"INGRESS_TRAFFIC_ALL"',
    ),
    Mutation(
        "a service is not asked whether it lives",
        _FILE + "connectors.tf",
        'path = "/health/live"',
        'path = "/healthz"',
    ),
    Mutation(
        "a container runs a command that there is not",
        _FILE + "connectors.tf",
        'args = ["nightly", source]',
        'args = ["nights", source]',
    ),
    Mutation(
        "the scheduler shows the wrong kind of token",
        _FILE + "schedule.tf",
        '    oauth_token {\n      service_account_email = local.emails["scheduler"]\n'
        '      scope                 = "https://www.googleapis.com/auth/cloud-platform"\n',
        '    oidc_token {\n      service_account_email = local.emails["scheduler"]\n',
    ),
    Mutation(
        "an alert is removed",
        _FILE + "alerts.yaml",
        "\nerror-ratio:\n",
        "\nerrors:\n",
        noticed="test_what_has_to_wake_somebody_does",
    ),
    Mutation(
        "alerts do not say which runbook",
        _FILE + "alerts.tf",
        "Runbook: ${var.runbooks}/${each.key}.md",
        "",
    ),
    Mutation(
        "an alert looks at a counter that the graph has not",
        _FILE + "alerts.yaml",
        'metric_name="messages_received"',
        'metric_name="messages"',
        noticed="test_counters_that_are_looked_at_are_the_graphs",
    ),
    Mutation("the SLO promises less", _FILE + "slo.tf", "= 0.995", "= 0.95"),
    Mutation(
        "an argument is misspelt",
        _FILE + "network.tf",
        "private_ip_google_access = true",
        "private_google_access = true",
    ),
    Mutation(
        "the compaction runs while the retention does",
        _FILE + "connectors.tf",
        'cron = "20 0-1,5-23 * * *"',
        'cron = "20 * * * *"',
    ),
    Mutation(
        "a statement of a compaction is at work when the next one begins",
        _FILE + "connectors.tf",
        'cron = "20 0-1,5-23 * * *", timeout = 1800',
        'cron = "20 0-1,5-23 * * *", timeout = 2400',
    ),
    Mutation(
        "jobs that are started by hand are on no bill",
        _FILE + "jobs.tf",
        "merge(local.labels, { component = name })",
        "{ component = name }",
    ),
    Mutation(
        "a job by hand stages where another may replace what it runs",
        _FILE + "jobs.tf",
        'staging-location=gs://${google_storage_bucket.this["staging-${name}"].name}',
        'staging-location=gs://${google_storage_bucket.this["staging-rebuild"].name}',
    ),
    Mutation(
        "what the workers of the stream start from is deleted after two weeks",
        _FILE + "storage.tf",
        "staging = { versions = false, days = null, temp_days = 14 }",
        "staging = { versions = false, days = 14, temp_days = null }",
    ),
    Mutation(
        "other settings do not reach what runs",
        _FILE + "connectors.tf",
        "SALESINTEL_CONFIG_MD5 = local.settings_md5",
        "SALESINTEL_CONFIG_MD5 = var.release",
    ),
    Mutation(
        "other settings do not reach the stream",
        _FILE + "dataflow.tf",
        "    settings  = local.settings_md5\n",
        "",
    ),
    Mutation(
        "what runs is told of settings that it does not read",
        _FILE + "locals.tf",
        "filemd5(var.settings_file)",
        'filemd5("${path.module}/environments/prod.toml")',
        plans=True,
    ),
    Mutation(
        "every change of a secret is told as one that is due",
        _FILE + "secrets.tf",
        '"attributes.eventType = \\"SECRET_ROTATE\\""',
        '"attributes:eventType"',
    ),
    Mutation(
        "an alert on a metric of logs does not say of what",
        _FILE + "alerts.yaml",
        'user_salesintel_query_failed{monitored_resource="bigquery_project"}',
        "user_salesintel_query_failed",
        noticed="test_every_query_names_its_resource",
    ),
    Mutation(
        "an alert looks for refusals where none are written",
        _FILE + "alerts.yaml",
        'user_salesintel_secret_denied{monitored_resource="audited_resource"}',
        'user_salesintel_secret_denied{monitored_resource="global"}',
        noticed="test_a_metric_of_logs_is_looked_at_where_its_lines_come_from",
    ),
    Mutation(
        "a job on Dataflow fails and nobody is told",
        _FILE + "alerts.yaml",
        'job_name=~"(backfill|replay|rebuild)-[0-9]+"',
        'job_name=~"(backfill|replay)-[0-9]+"',
        noticed="test_every_job_that_is_started_by_hand_is_looked_at",
    ),
    Mutation(
        "the compaction is not started",
        _FILE + "schedule.tf",
        '  attempt_deadline = "60s"\n',
        '  attempt_deadline = "60s"\n  paused           = each.key == "compact"\n',
    ),
    Mutation(
        "a metric looks at a key that no line has",
        _FILE + "metrics.tf",
        'figure = "EXTRACT(jsonPayload.figure)"',
        'figure = "EXTRACT(jsonPayload.name)"',
        noticed="test_metrics_of_logs_look_at_keys_that_lines_have",
    ),
    Mutation(
        "containers log as people read it",
        _FILE + "connectors.tf",
        '    SALESINTEL_LOGS       = "json"\n',
        "",
        noticed="test_containers_write_their_logs_as_lines_of_json",
    ),
    Mutation(
        "a nightly job fails and nobody is told",
        _FILE + "alerts.yaml",
        "nightly-.*|quality|rates|compact|retention",
        "nightly-.*",
    ),
)
