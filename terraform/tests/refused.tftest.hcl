# What is refused before anything is planned.

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "google-beta" {
  source = "./tests/mocks"
}

variables {
  project            = "test-salesintel"
  environment        = "dev"
  region             = "us-central1"
  warehouse_location = "us-central1"
  settings_file      = "environments/dev.toml"
  webhook_domain     = "hooks.example.com"
  runbooks           = "https://example.com/runbooks"
  alert_emails       = ["oncall@example.com"]
}

run "everybody_reads_nothing" {
  command = plan

  variables {
    readers = { rep = ["allUsers"] }
  }

  expect_failures = [var.readers]
}

run "a_source_that_is_none" {
  command = plan

  variables {
    sources = ["outlook"]
  }

  expect_failures = [var.sources]
}

run "an_environment_that_is_none" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}
