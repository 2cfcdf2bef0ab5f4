variable "state_project" {
  description = "Project of the state bucket: none of those that run the system, so that no account of theirs reads it."
  type        = string
}

variable "projects" {
  description = "Projects that are deployed to, by environment."
  type        = map(string)
}

variable "region" {
  description = "Region of the state bucket."
  type        = string
}

variable "state_bucket" {
  description = "Name of the state bucket."
  type        = string
}

variable "deployers" {
  description = "Members that may act as the deployer: an identity of the CI, a group. Nobody has a key."
  type        = set(string)

  validation {
    condition     = alltrue([for member in var.deployers : can(regex("^(group|user|serviceAccount|principal|principalSet):", member))])
    error_message = "deployers are named group:…, serviceAccount:…, principalSet:…; never allUsers."
  }
}

variable "repository_id" {
  description = "Number of the repository on GitHub whose tags release (`gh api repos/OWNER/NAME --jq .id`); null: nothing but people does."
  type        = string
  default     = null

  validation {
    condition     = var.repository_id == null || can(regex("^[0-9]+$", var.repository_id))
    error_message = "repository_id is a number: names can be taken over."
  }
}
