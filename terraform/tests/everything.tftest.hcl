# Everything of production, as a plan shows it: what is wired to what, who may do what, how long what
# is kept.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "google-beta" {
  source          = "./tests/mocks"
  override_during = plan
}

# Names that Google gives, so that a plan knows which column has which tag.
override_resource {
  target          = google_data_catalog_policy_tag.this["identifier"]
  override_during = plan
  values          = { name = "tags/identifier" }
}

override_resource {
  target          = google_data_catalog_policy_tag.this["personal"]
  override_during = plan
  values          = { name = "tags/personal" }
}

override_resource {
  target          = google_data_catalog_policy_tag.this["content"]
  override_during = plan
  values          = { name = "tags/content" }
}

variables {
  project            = "test-salesintel"
  environment        = "prod"
  region             = "us-central1"
  warehouse_location = "us-central1"
  settings_file      = "environments/prod.toml"
  webhook_domain     = "hooks.example.com"
  runbooks           = "https://example.com/runbooks"
  alert_emails       = ["oncall@example.com"]
  billing_account    = "000000-000000-000000"
  release            = "0123abc"
  row_policies_by    = "serviceAccount:salesintel-deployer@test-state.iam.gserviceaccount.com"
  retention          = { days = { bodies = 200 } }
  releasers          = ["group:engineers@example.com"]
  dispatchers        = ["group:dispatchers@example.com"]
  stewards           = ["group:stewards@example.com"]
  data_protection    = ["group:privacy@example.com"]
  readers = {
    rep      = ["group:reps@example.com"]
    manager  = ["group:managers@example.com"]
    operator = ["group:operators@example.com"]
  }
}

run "everything_is_made" {
  command = plan

  # Messages

  assert {
    condition     = alltrue([for name, one in jsondecode(file("schemas/topology.json")).subscriptions : contains(keys(merge(google_pubsub_subscription.engine, google_pubsub_subscription.client)), name)])
    error_message = "A subscription of schemas/topology.py is missing."
  }

  assert {
    condition     = length(setsubtract(jsondecode(file("schemas/topology.json")).topics, keys(google_pubsub_topic.this))) == 0
    error_message = "A topic of schemas/topology.py is missing."
  }

  assert {
    condition     = alltrue([for one in values(google_pubsub_subscription.engine) : length(one.dead_letter_policy) == 0 && length(one.retry_policy) == 0])
    error_message = "The engine's subscriptions carry neither dead-letter nor retry policy: Dataflow supports neither."
  }

  assert {
    condition     = alltrue([for one in values(google_pubsub_subscription.engine) : one.message_retention_duration == "604800s" && one.retain_acked_messages && one.ack_deadline_seconds == 600])
    error_message = "The engine's subscriptions keep seven days, acknowledged or not: seek is the rewind."
  }

  assert {
    condition     = alltrue([for one in values(google_pubsub_subscription.engine) : !coalesce(one.enable_exactly_once_delivery, false) && one.filter == null])
    error_message = "Exactly-once delivery and filters are not for what Dataflow reads."
  }

  assert {
    condition     = alltrue([for one in values(google_pubsub_subscription.client) : one.retry_policy[0].minimum_backoff == "10s" && one.retry_policy[0].maximum_backoff == "600s"])
    error_message = "What fetchers pull comes again after a growing pause."
  }

  assert {
    condition     = alltrue([for name in ["gmail", "hubspot"] : google_pubsub_subscription.client["fetch-${name}"].dead_letter_policy[0].dead_letter_topic == "projects/test-salesintel/topics/changes-${name}" && google_pubsub_subscription.client["fetch-${name}"].dead_letter_policy[0].max_delivery_attempts == 100])
    error_message = "Hints that are given up go to the changes of their source, where they become dead letters."
  }

  assert {
    condition = alltrue([for name in ["gmail", "hubspot"] :
      google_pubsub_topic_iam_member.given_up_to["fetch-${name}"].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
      && google_pubsub_subscription_iam_member.given_up_from["fetch-${name}"].role == "roles/pubsub.subscriber"
    ])
    error_message = "Pub/Sub itself has to publish where it gives up to, and to acknowledge where it does."
  }

  assert {
    condition     = alltrue([for one in concat(values(google_pubsub_subscription.engine), values(google_pubsub_subscription.client), google_pubsub_subscription.gmail_push, [google_pubsub_subscription.secret_due]) : one.expiration_policy[0].ttl == ""])
    error_message = "No subscription may expire: what it has not delivered would be lost."
  }

  assert {
    condition     = google_pubsub_subscription.gmail_push[0].push_config[0].oidc_token[0].audience == "https://hooks.example.com/webhooks/gmail" && google_pubsub_subscription.gmail_push[0].push_config[0].oidc_token[0].service_account_email == "gmail-push@test-salesintel.iam.gserviceaccount.com"
    error_message = "Gmail's pushes are signed as gmail-push for the webhooks' address."
  }

  assert {
    condition = (
      google_pubsub_subscription.secret_due.topic == "secret-rotation"
      && google_pubsub_subscription.secret_due.filter == "attributes.eventType = \"SECRET_ROTATE\""
      && strcontains(google_monitoring_alert_policy.this["secret-due"].conditions[0].condition_prometheus_query_language[0].query, "subscription_id=\"${google_pubsub_subscription.secret_due.name}\"")
    )
    error_message = "A secret is due when Secret Manager says so, not whenever one is made, changed or given a version."
  }

  # Warehouse

  assert {
    condition     = length(setsubtract(keys(jsondecode(file("schemas/manifest.json")).tables), keys(google_bigquery_table.this))) == 0
    error_message = "A table of schemas/ is missing."
  }

  assert {
    condition     = alltrue([for id, one in jsondecode(file("schemas/manifest.json")).tables : try(google_bigquery_table.this[id].time_partitioning[0].field, null) == one.partition])
    error_message = "Tables are partitioned as schemas/ says."
  }

  assert {
    condition     = alltrue([for id, one in jsondecode(file("schemas/manifest.json")).tables : try(google_bigquery_table.this[id].time_partitioning[0].expiration_ms, null) == (one.partition == null || one.retention == null ? null : (one.retention == "bodies" ? 200 : one.expiry_days) * 86400000)])
    error_message = "Tables are kept as long as schemas/ says, or the deployment; current-state tables for good."
  }

  assert {
    condition     = alltrue([for id, one in jsondecode(file("schemas/manifest.json")).tables : try(toset(google_bigquery_table.this[id].table_constraints[0].primary_key[0].columns), toset([])) == toset(one.primary_key)])
    error_message = "Current tables have their key, others have none."
  }

  assert {
    condition     = alltrue([for id, one in jsondecode(file("schemas/manifest.json")).tables : one.current_of == null ? true : [for column in jsondecode(google_bigquery_table.this[id].schema) : column.name if column.name != "compacted_at"] == [for column in jsondecode(google_bigquery_table.this[one.current_of].schema) : column.name]])
    error_message = "A current table has the columns of the table that it is of, in their order."
  }

  assert {
    condition     = alltrue([for one in values(google_bigquery_table.this) : one.deletion_protection])
    error_message = "Tables refuse to be destroyed."
  }

  assert {
    condition     = length(local.made_views) == length(fileset("../warehouse/views", "*/*/view.sql"))
    error_message = "A view of warehouse/views is missing."
  }

  assert {
    condition     = alltrue([for view in values(local.views) : length(regexall("`[a-z_]+\\.[a-z_]+`", view.query)) == 0])
    error_message = "Every reference of a view stands under the project."
  }

  assert {
    condition     = contains(google_data_catalog_taxonomy.this[0].activated_policy_types, "FINE_GRAINED_ACCESS_CONTROL") && { for class, one in google_data_catalog_policy_tag.this : class => one.description } == jsondecode(file("schemas/manifest.json")).taxonomy
    error_message = "The classes of personal data are those of schemas/."
  }

  assert {
    condition     = alltrue([for id, one in jsondecode(file("schemas/manifest.json")).tables : { for column in jsondecode(google_bigquery_table.this[id].schema) : column.name => column.policyTags.names[0] if can(column.policyTags) } == { for name, class in one.policies : name => google_data_catalog_policy_tag.this[class].name }])
    error_message = "Columns carry the tag of their class, and no others do."
  }

  assert {
    condition = alltrue([for id in ["sales.bodies", "sales.transcripts"] :
      google_bigquery_row_access_policy.accounts[id].filter_predicate == "TRUE"
      && google_bigquery_row_access_policy.views[id].grantees == tolist(["group:managers@example.com", "group:reps@example.com"])
      && !contains(google_bigquery_row_access_policy.accounts[id].grantees, "group:operators@example.com")
    ])
    error_message = "Rows with texts are for the accounts that read them and for who asks the views, nobody else."
  }

  assert {
    condition     = length([for one in values(google_data_catalog_policy_tag_iam_member.people) : one if one.member == "group:operators@example.com"]) == 0
    error_message = "Who runs the system reads no personal data."
  }

  # Compute

  assert {
    condition     = google_dataflow_flex_template_job.stream[0].on_delete == "drain" && google_dataflow_flex_template_job.stream[0].deletion_policy == "PREVENT"
    error_message = "The stream is drained, never cancelled, and only a person takes it away."
  }

  assert {
    condition     = google_dataflow_flex_template_job.stream[0].ip_configuration == "WORKER_IP_PRIVATE" && google_compute_subnetwork.workers.private_ip_google_access
    error_message = "Workers have no public address."
  }

  assert {
    condition     = google_dataflow_flex_template_job.stream[0].container_spec_gcs_path == "gs://test-salesintel-templates/stream-0123abc.json" && jsondecode(google_storage_bucket_object.template["stream"].content).image == google_dataflow_flex_template_job.stream[0].sdk_container_image
    error_message = "A release has a template of its own, and launcher and workers run its one image."
  }

  assert {
    condition     = toset(keys(google_storage_bucket_object.template)) == toset(["stream", "backfill", "replay", "rebuild"]) && alltrue([for name, one in google_storage_bucket_object.template : one.name == "${name}-0123abc.json" && jsondecode(one.content).image == google_dataflow_flex_template_job.stream[0].sdk_container_image])
    error_message = "The stream and each job that is started by hand have a template of the release, with its one image."
  }

  assert {
    condition = alltrue([
      for name, account in { backfill = "backfiller", replay = "replayer", rebuild = "rebuilder" } :
      strcontains(output.launches[name], "--service-account-email=${account}@test-salesintel.iam.gserviceaccount.com ")
      && strcontains(output.launches[name], "--impersonate-service-account=dispatcher@test-salesintel.iam.gserviceaccount.com ")
      && strcontains(output.launches[name], "gs://test-salesintel-templates/${name}-0123abc.json ")
      && strcontains(output.launches[name], " --staging-location=gs://test-salesintel-staging-${name}/staging --temp-location=gs://test-salesintel-staging-${name}/temp ")
      && strcontains(output.launches[name], " --disable-public-ips ")
      && strcontains(output.launches[name], "=salesintel,component=${name},cost_center=sales,environment=prod,managed_by=terraform ")
      && strcontains(output.launches[name], "objects=gs://test-salesintel-objects")
      && strcontains(output.launches[name], "pipeline=${name},")
      && strcontains(output.launches[name], "redaction_key=projects/test-salesintel/secrets/redaction-key/") == (name == "rebuild")
    ])
    error_message = "Each job that is started by hand runs as its own account, stages in its own bucket, and has no public address."
  }

  assert {
    condition = toset(keys(google_storage_bucket_object.launch)) == toset(["backfill", "replay", "rebuild"]) && alltrue([
      for name, one in google_storage_bucket_object.launch :
      one.bucket == "test-salesintel-templates" && one.name == "${name}.sh" && one.content == output.launches[name]
    ])
    error_message = "Who may start a job reads how where its template lies, without Terraform's state."
  }

  assert {
    condition     = google_dataflow_flex_template_job.stream[0].labels["release"] == "0123abc"
    error_message = "Which release streams is said by the job itself."
  }

  assert {
    condition     = alltrue([for source in ["gmail", "salesforce", "hubspot", "dialpad"] : google_cloud_run_v2_job.this["poll-${source}"].template[0].template[0].service_account == "poller-${source}@test-salesintel.iam.gserviceaccount.com"])
    error_message = "Each poller runs as its own account."
  }

  assert {
    condition     = alltrue([for source in ["gmail", "salesforce", "hubspot", "dialpad"] : contains(keys(google_cloud_run_v2_job.this), "nightly-${source}")])
    error_message = "Each source is looked after at night."
  }

  assert {
    condition = alltrue([for one in values(google_cloud_run_v2_service.this) :
      one.template[0].scaling[0].min_instance_count >= 1
      && one.template[0].containers[0].liveness_probe[0].http_get[0].path == "/health/live"
      && one.template[0].containers[0].startup_probe[0].http_get[0].path == "/health/ready"
    ])
    error_message = "A service always has an instance, which is asked whether it lives and is ready."
  }

  assert {
    condition = google_dataflow_flex_template_job.stream[0].labels["settings"] == filemd5("environments/prod.toml") && alltrue([for containers in concat(
      [for one in values(google_cloud_run_v2_job.this) : one.template[0].template[0].containers],
      [for one in values(google_cloud_run_v2_service.this) : one.template[0].containers],
    ) : [for env in containers[0].env : env.value if env.name == "SALESINTEL_CONFIG_MD5"] == [filemd5("environments/prod.toml")]])
    error_message = "All that reads the settings is told which they are."
  }

  assert {
    condition     = google_cloud_run_v2_service.this["webhooks"].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" && alltrue([for name, one in google_cloud_run_v2_service.this : name == "webhooks" || one.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"])
    error_message = "Webhooks are reached by the load balancer alone, fetchers from within alone."
  }

  assert {
    condition     = alltrue([for name, one in google_cloud_run_v2_service.this : name == "webhooks" ? one.template[0].containers[0].resources[0].cpu_idle : !one.template[0].containers[0].resources[0].cpu_idle])
    error_message = "Who pulls keeps his processor."
  }

  assert {
    condition     = setsubtract(keys(google_cloud_run_v2_job.this), keys(google_cloud_scheduler_job.job)) == toset(["compact-anew", "subscribe-dialpad", "verify-1h", "verify-24h", "verify-7d"])
    error_message = "Every job has a schedule, but for those that are started by hand."
  }

  assert {
    condition     = alltrue([for one in values(google_cloud_scheduler_job.job) : one.http_target[0].oauth_token[0].service_account_email == "scheduler@test-salesintel.iam.gserviceaccount.com" && length(one.http_target[0].oidc_token) == 0])
    error_message = "The Run API takes an OAuth token of the scheduler."
  }

  assert {
    condition     = alltrue([for one in values(google_cloud_scheduler_job.service) : one.http_target[0].oidc_token[0].service_account_email == "scheduler@test-salesintel.iam.gserviceaccount.com" && length(one.http_target[0].oauth_token) == 0])
    error_message = "A service takes an OIDC token of the scheduler."
  }

  # Storage and secrets

  assert {
    condition     = alltrue([for one in values(google_storage_bucket.this) : one.uniform_bucket_level_access && one.public_access_prevention == "enforced" && !one.force_destroy])
    error_message = "Buckets know no rights of single objects, and nobody from outside."
  }

  assert {
    condition     = google_dataflow_flex_template_job.stream[0].staging_location == "gs://test-salesintel-staging/staging" && google_dataflow_flex_template_job.stream[0].temp_location == "gs://test-salesintel-staging/temp"
    error_message = "The stream stages in its own bucket."
  }

  assert {
    condition = {
      for name, one in google_storage_bucket.this : name => flatten([for rule in one.lifecycle_rule : [for when in rule.condition : when.age]])
      if startswith(name, "staging-")
    } == { for name in ["staging-backfill", "staging-rebuild", "staging-replay"] : name => [14] }
    error_message = "Each job that is started by hand has a bucket to stage in, which keeps nothing for longer than 14 days."
  }

  assert {
    condition = (
      alltrue(flatten([for rule in google_storage_bucket.this["staging"].lifecycle_rule : [for when in rule.condition : try(when.matches_prefix == tolist(["temp/"]), false)]]))
      && flatten([for rule in google_storage_bucket.this["staging"].lifecycle_rule : [for when in rule.condition : when.age]]) == [14]
    )
    error_message = "What the stream has staged stays, for every worker that starts later reads it; only its temporary files go."
  }

  assert {
    condition     = anytrue([for rule in google_storage_bucket.this["objects"].lifecycle_rule : anytrue([for one in rule.condition : one.age == jsondecode(file("schemas/manifest.json")).tables["raw.changes"].expiry_days])])
    error_message = "Payloads that went by claim check are kept as long as raw.changes."
  }

  assert {
    condition     = alltrue([for one in values(google_secret_manager_secret.this) : one.deletion_protection])
    error_message = "Secrets refuse to be destroyed."
  }

  assert {
    condition = alltrue([for service in ["secretmanager.googleapis.com", "bigquery.googleapis.com"] :
      length(setsubtract(["ADMIN_READ", "DATA_READ", "DATA_WRITE"], [for one in google_project_iam_audit_config.this[service].audit_log_config : one.log_type])) == 0
    ])
    error_message = "Who reads secrets and tables is logged."
  }

  # Monitoring

  assert {
    condition     = length(setsubtract(keys(yamldecode(file("alerts.yaml"))), keys(google_monitoring_alert_policy.this))) == 0
    error_message = "An alert of alerts.yaml is missing."
  }

  assert {
    condition = alltrue([for name, one in google_monitoring_alert_policy.this :
      strcontains(one.documentation[0].content, "https://example.com/runbooks/${name}.md")
      && one.documentation[0].links[0].url == "https://example.com/runbooks/${name}.md"
      && fileexists("../runbooks/${name}.md")
    ])
    error_message = "Every alert says which runbook to open, and there is one."
  }

  assert {
    condition     = google_monitoring_slo.freshness.goal == 0.995 && google_monitoring_slo.freshness.windows_based_sli[0].window_period == "300s" && google_monitoring_slo.freshness.windows_based_sli[0].metric_mean_in_range[0].range[0].max == 300
    error_message = "Rows are at most 300 s behind in 99.5 % of five-minute windows."
  }

  assert {
    condition     = google_monitoring_slo.webhooks[0].goal == 0.999
    error_message = "99.9 % of deliveries are answered."
  }

  assert {
    condition = (
      google_monitoring_uptime_check_config.webhooks[0].monitored_resource[0].labels["host"] == "hooks.example.com"
      && google_monitoring_uptime_check_config.webhooks[0].http_check[0].path == "/health/ready"
      && google_monitoring_uptime_check_config.webhooks[0].http_check[0].use_ssl
      && google_monitoring_uptime_check_config.webhooks[0].http_check[0].validate_ssl
      && contains(keys(google_monitoring_alert_policy.this), "webhooks-unreachable")
    )
    error_message = "Whether vendors can reach the webhooks is asked from outside, by name and certificate, and somebody is told where they cannot."
  }

  assert {
    condition     = length(google_billing_budget.this) == 1
    error_message = "There is a budget."
  }

  # Outputs

  assert {
    condition     = output.webhook_urls["hubspot"] == "https://hooks.example.com/webhooks/hubspot" && output.gmail_topic == "projects/test-salesintel/topics/gmail" && output.secrets["dialpad-token"] == "projects/test-salesintel/secrets/dialpad-token/versions/latest" && output.repository == "us-central1-docker.pkg.dev/test-salesintel/salesintel"
    error_message = "Outputs say what the settings file and the vendors want."
  }
}

# One source, a key of ours, no tags, and nothing released: together, for each plan takes seconds.
run "before_the_first_release_of_one_source_under_a_key_of_ours" {
  command = plan

  variables {
    sources               = ["hubspot"]
    customer_managed_keys = true
    column_security       = false
    release               = ""
    row_policies_by       = null
    retention             = { legal_hold = true }
  }

  assert {
    condition     = length(local.expiry_days) == length(google_bigquery_table.this) && alltrue([for days in values(local.expiry_days) : days == null])
    error_message = "BigQuery knows no exceptions: with a hold the retention deletes, row by row."
  }

  assert {
    condition     = length([for rule in google_storage_bucket.this["objects"].lifecycle_rule : rule if anytrue([for one in rule.condition : one.age != null])]) == 0
    error_message = "Payloads that went by claim check are held, too."
  }

  assert {
    condition     = length(google_bigquery_row_access_policy.accounts) + length(google_bigquery_row_access_policy.views) + length(google_bigquery_table_iam_member.row_policies) == 0
    error_message = "Where nobody is named to make row access policies there are none."
  }

  assert {
    condition     = google_kms_crypto_key.this[0].rotation_period == "7776000s"
    error_message = "The key is rotated each quarter."
  }

  assert {
    condition     = length(google_kms_crypto_key_iam_member.service) == 8 && alltrue([for one in values(google_kms_crypto_key_iam_member.service) : one.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter"])
    error_message = "Google's accounts encrypt with the key; nobody else may."
  }

  assert {
    condition     = alltrue([for one in values(google_storage_bucket.this) : length(one.encryption) == 1])
    error_message = "Buckets are encrypted with the key."
  }

  assert {
    condition     = alltrue([for id, one in google_bigquery_table.this : [for column in jsondecode(one.schema) : column.name] == [for column in jsondecode(file("schemas/${id}.json")) : column.name]])
    error_message = "Tables have the columns of schemas/, in their order."
  }

  assert {
    condition     = toset([for name in keys(google_service_account.this) : name if strcontains(name, "gmail") || strcontains(name, "salesforce") || strcontains(name, "dialpad")]) == toset([])
    error_message = "Accounts of sources that are not read are not there."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret.this)) == toset(["hubspot-token", "hubspot-webhook", "notify-mail", "notify-slack", "redaction-key"])
    error_message = "Secrets of sources that are not read are not there."
  }

  assert {
    condition     = length(google_pubsub_subscription.gmail_push) == 0 && contains(keys(google_pubsub_topic.this), "changes-gmail")
    error_message = "The pipeline reads every topic of changes, whoever publishes there."
  }

  assert {
    condition     = length(google_cloud_run_v2_job.this) + length(google_cloud_run_v2_service.this) + length(google_dataflow_flex_template_job.stream) == 0
    error_message = "Nothing runs without an image."
  }

  assert {
    condition     = length(google_bigquery_table.this) > 0 && length(google_artifact_registry_repository.this.repository_id) > 0
    error_message = "What an image is pushed to, and what it writes to, is there before it."
  }
}

run "with_other_settings_of_the_same_release" {
  command = plan

  variables {
    settings_file = "environments/dev.toml"
  }

  plan_options {
    target = [google_cloud_run_v2_job.this, google_cloud_run_v2_service.this, google_dataflow_flex_template_job.stream]
  }

  assert {
    condition = alltrue([for containers in concat(
      [for one in values(google_cloud_run_v2_job.this) : one.template[0].template[0].containers],
      [for one in values(google_cloud_run_v2_service.this) : one.template[0].containers],
    ) : [for env in containers[0].env : env.value if env.name == "SALESINTEL_CONFIG_MD5"] == [filemd5("environments/dev.toml")]])
    error_message = "Other settings are another revision of whatever reads them."
  }

  assert {
    condition = (
      google_dataflow_flex_template_job.stream[0].labels["settings"] == filemd5("environments/dev.toml")
      && google_dataflow_flex_template_job.stream[0].parameters["settings"] == "gs://test-salesintel-config/salesintel.toml"
    )
    error_message = "Other settings are an update of the stream, and lie where they lay."
  }
}

run "what_makes_no_sense_is_refused" {
  command = plan

  variables {
    environment = "production"
    sources     = ["outlook"]
    readers     = { rep = ["allUsers"] }
    retention   = { days = { raw = 7 } }

    data_protection = ["allUsers"]
  }

  expect_failures = [var.environment, var.sources, var.readers, var.retention, var.data_protection]
}
