# The views, read from warehouse/views: `view.sql` is the SELECT, `metadata.yaml` says what it is for
# and who reads it. SQL names tables and views as `dataset.name`; the project is put in here, for
# BigQuery takes no reference without one in a view that others query.
# https://cloud.google.com/bigquery/docs/views
#
# BigQuery makes a view only when all that it reads is there, and instances of one resource know no
# order among themselves: so a view is made in the round after the last of those that it reads.

locals {
  view_folder = "${path.module}/../warehouse/views"
  view_reads = {
    for path in fileset(local.view_folder, "*/*/view.sql") :
    replace(dirname(path), "/", ".") => toset(flatten(regexall("`([a-z_]+\\.[a-z_]+)`", file("${local.view_folder}/${path}"))))
  }
  views = {
    for id, reads in local.view_reads : id => {
      dataset  = split(".", id)[0]
      name     = split(".", id)[1]
      metadata = yamldecode(file("${local.view_folder}/${replace(id, ".", "/")}/metadata.yaml"))
      query = replace(
        file("${local.view_folder}/${replace(id, ".", "/")}/view.sql"),
        "/`([a-z_]+\\.[a-z_]+)`/",
        "`${var.project}.$1`",
      )
      datasets = toset([for read in reads : split(".", read)[0]])
    }
  }

  round_0 = toset([for id, reads in local.view_reads : id if length(setintersection(reads, keys(local.views))) == 0])
  made_1  = local.round_0
  round_1 = toset([for id, reads in local.view_reads : id if !contains(local.made_1, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_1)) == 0])
  made_2  = setunion(local.round_0, local.round_1)
  round_2 = toset([for id, reads in local.view_reads : id if !contains(local.made_2, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_2)) == 0])
  made_3  = setunion(local.round_0, local.round_1, local.round_2)
  round_3 = toset([for id, reads in local.view_reads : id if !contains(local.made_3, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_3)) == 0])
  made_4  = setunion(local.round_0, local.round_1, local.round_2, local.round_3)
  round_4 = toset([for id, reads in local.view_reads : id if !contains(local.made_4, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_4)) == 0])
  made_5  = setunion(local.round_0, local.round_1, local.round_2, local.round_3, local.round_4)
  round_5 = toset([for id, reads in local.view_reads : id if !contains(local.made_5, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_5)) == 0])
  made_6  = setunion(local.round_0, local.round_1, local.round_2, local.round_3, local.round_4, local.round_5)
  round_6 = toset([for id, reads in local.view_reads : id if !contains(local.made_6, id) && length(setsubtract(setintersection(reads, keys(local.views)), local.made_6)) == 0])
  made_7  = setunion(local.round_0, local.round_1, local.round_2, local.round_3, local.round_4, local.round_5, local.round_6)
}

module "views_0" {
  source     = "./modules/views"
  views      = { for id in local.round_0 : id => local.views[id] }
  depends_on = [google_bigquery_table.this]
}

module "views_1" {
  source     = "./modules/views"
  views      = { for id in local.round_1 : id => local.views[id] }
  depends_on = [module.views_0]
}

module "views_2" {
  source     = "./modules/views"
  views      = { for id in local.round_2 : id => local.views[id] }
  depends_on = [module.views_1]
}

module "views_3" {
  source     = "./modules/views"
  views      = { for id in local.round_3 : id => local.views[id] }
  depends_on = [module.views_2]
}

module "views_4" {
  source     = "./modules/views"
  views      = { for id in local.round_4 : id => local.views[id] }
  depends_on = [module.views_3]
}

module "views_5" {
  source     = "./modules/views"
  views      = { for id in local.round_5 : id => local.views[id] }
  depends_on = [module.views_4]
}

module "views_6" {
  source     = "./modules/views"
  views      = { for id in local.round_6 : id => local.views[id] }
  depends_on = [module.views_5]
}

check "every_view_has_a_round" {
  assert {
    condition     = length(local.made_7) == length(local.views)
    error_message = "Views read each other in a ring, or further than the rounds in views.tf go."
  }
}
