# What of production is no secret. `release` comes from the deployment: -var release=<git sha>.
project            = "example-salesintel-prod"
environment        = "prod"
region             = "us-central1"
warehouse_location = "us-central1"
settings_file      = "environments/prod.toml"
webhook_domain     = "hooks.example.com"
runbooks           = "https://github.com/example/salesintel/blob/main/runbooks"
alert_emails       = ["oncall@example.com"]
billing_account    = "000000-000000-000000"
budget             = 1500

customer_managed_keys = true

row_policies_by = "serviceAccount:salesintel-deployer@example-salesintel-state.iam.gserviceaccount.com"

readers = {
  rep      = ["group:reps@example.com"]
  manager  = ["group:sales-managers@example.com"]
  operator = ["group:data-engineering@example.com"]
}

releasers = ["group:data-engineering@example.com"]
# As `dispatcher` one runs any code that reads and deletes what a rebuild does: few.
dispatchers = ["group:data-engineering-leads@example.com"]

stewards        = ["group:data-stewards@example.com"]
data_protection = ["group:data-protection@example.com"]
