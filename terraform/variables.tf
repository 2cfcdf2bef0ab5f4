variable "project" {
  description = "Id of the project that holds everything; one project an environment."
  type        = string
}

variable "environment" {
  description = "Name of the environment: part of labels and of what alerts say."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment is dev or prod."
  }
}

variable "region" {
  description = "Region of compute, messages and buckets."
  type        = string
}

variable "warehouse_location" {
  description = "Location of the datasets: a region, or US or EU."
  type        = string
}

variable "release" {
  description = "Tag of the image that runs, as in a git sha; empty: all but what needs an image."
  type        = string
  default     = ""
}

variable "settings_file" {
  description = "Path of the deployment's salesintel.toml; it holds references to secrets, no secret."
  type        = string
}

variable "sources" {
  description = "Sources that are read live."
  type        = set(string)
  default     = ["gmail", "salesforce", "hubspot", "dialpad"]

  validation {
    condition     = length(setsubtract(var.sources, ["gmail", "salesforce", "hubspot", "dialpad"])) == 0
    error_message = "sources are gmail, salesforce, hubspot, dialpad."
  }
}

variable "webhook_domain" {
  description = "Name under which vendors reach the webhooks; its A record leads to output webhook_address."
  type        = string
}

variable "webhook_requests_per_minute" {
  description = "Requests a minute that one address may make at the edge."
  type        = number
  default     = 3000
}

variable "workers" {
  description = "Streaming workers: the most there may be of a stream that is launched anew, and their machine."
  type        = object({ most = number, machine = string })
  default     = { most = 5, machine = "n2-standard-2" }
}

variable "shards" {
  description = "Shards of keyed state: part of a running job's interface, so never changed in place."
  type        = number
  default     = 64
}

variable "customer_managed_keys" {
  description = "Whether data at rest is encrypted with a key of ours."
  type        = bool
  default     = false
}

variable "column_security" {
  description = "Whether columns of personal data are tagged, so that only their readers see them."
  type        = bool
  default     = true
}

variable "row_policies_by" {
  description = "Member that applies this, for it makes the row access policies of the tables with texts and may read these for it; null: there are none."
  type        = string
  default     = null

  validation {
    condition     = var.row_policies_by == null || can(regex("^(group|user|serviceAccount):", var.row_policies_by))
    error_message = "row_policies_by is named serviceAccount:…, group:… or user:…."
  }
}

variable "retention" {
  description = "Table [retention] of the settings file, which Terraform does not read: days by class where they differ, and whether anything is on hold."
  type = object({
    days       = optional(map(number), {})
    legal_hold = optional(bool, false)
  })
  default = {}

  validation {
    condition = alltrue([
      for class, days in var.retention.days : contains(keys(local.manifest.retention_days), class)
      && days >= local.manifest.retention_bounds.least && days <= local.manifest.retention_bounds.most
    ])
    error_message = "retention.days has a class of schemas/retention.py, and at least the days that Pub/Sub may send again."
  }
}

variable "deletion_protection" {
  description = "Whether tables, jobs and services refuse to be destroyed."
  type        = bool
  default     = true
}

variable "readers" {
  description = "Members by role, as in group:reps@example.com: who may ask which views is in their metadata.yaml."
  type = object({
    rep      = optional(set(string), [])
    manager  = optional(set(string), [])
    operator = optional(set(string), [])
  })
  default = {}

  validation {
    condition = alltrue([
      for member in setunion(var.readers.rep, var.readers.manager, var.readers.operator) :
      can(regex("^(group|user|serviceAccount):", member))
    ])
    error_message = "readers are named group:…, user:… or serviceAccount:…; never allUsers."
  }
}

variable "releasers" {
  description = "Members that may act as `releaser`, `launcher` and `rotator`: who replaces a stream, starts jobs by hand, rotates secrets. As `releaser` one could read messages, as `launcher` do what pollers may."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.releasers : can(regex("^(group|user|serviceAccount):", member))])
    error_message = "releasers are named group:…, user:… or serviceAccount:…; never allUsers."
  }
}

variable "dispatchers" {
  description = "Members that may act as `dispatcher`: who starts jobs backfill, replay and rebuild. A job on Dataflow runs whatever code it is given, so as this one reads every change and dead letter, and deletes rows of sales."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.dispatchers : can(regex("^(group|user|serviceAccount):", member))])
    error_message = "dispatchers are named group:…, user:… or serviceAccount:…; never allUsers."
  }
}

variable "stewards" {
  description = "Members that may act as `steward`: who decides which records are one person or account, and sees names, addresses and numbers for it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.stewards : can(regex("^(group|user|serviceAccount):", member))])
    error_message = "stewards are named group:…, user:… or serviceAccount:…; never allUsers."
  }
}

variable "data_protection" {
  description = "Members that may act as `eraser`, `exporter` and `granter`: who erases people, writes out what is held of them, and says who reads which mailbox. As these one reads everything."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.data_protection : can(regex("^(group|user|serviceAccount):", member))])
    error_message = "data_protection is named group:…, user:… or serviceAccount:…; never allUsers."
  }
}

variable "alert_emails" {
  description = "Addresses that alerts go to."
  type        = set(string)
}

variable "pager_channels" {
  description = "Ids of notification channels made elsewhere (a pager), for alerts of severity CRITICAL."
  type        = set(string)
  default     = []
}

variable "runbooks" {
  description = "Address under which runbooks/ of this repository can be read."
  type        = string
}

variable "billing_account" {
  description = "Billing account of the budget; empty: no budget."
  type        = string
  default     = ""
}

variable "budget" {
  description = "What a month may cost, in whole units of the account's currency."
  type        = number
  default     = 1000
}

variable "cost_center" {
  description = "Value of label cost_center."
  type        = string
  default     = "sales"
}
