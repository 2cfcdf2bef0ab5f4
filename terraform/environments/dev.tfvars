# Development: small, and may be destroyed. `release` comes from the deployment.
project             = "example-salesintel-dev"
environment         = "dev"
region              = "us-central1"
warehouse_location  = "us-central1"
settings_file       = "environments/dev.toml"
webhook_domain      = "hooks.dev.example.com"
runbooks            = "https://github.com/example/salesintel/blob/main/runbooks"
alert_emails        = ["oncall@example.com"]
deletion_protection = false
workers             = { most = 1, machine = "n2-standard-2" }

row_policies_by = "serviceAccount:salesintel-deployer@example-salesintel-state.iam.gserviceaccount.com"

readers = {
  operator = ["group:data-engineering@example.com"]
}

releasers = ["group:data-engineering@example.com"]

stewards        = ["group:data-engineering@example.com"]
data_protection = ["group:data-protection@example.com"]
