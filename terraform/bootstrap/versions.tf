terraform {
  required_version = ">= 1.9.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }
}

provider "google" {
  project = var.state_project
  region  = var.region
  default_labels = {
    application = "salesintel"
    managed_by  = "terraform"
  }
}
