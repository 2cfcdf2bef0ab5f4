# dashboard.yaml, laid out in rows of three.

locals {
  charts = yamldecode(file("${path.module}/dashboard.yaml"))
  dashboard = {
    displayName = "salesintel ${var.environment}"
    labels      = { environment = var.environment }
    mosaicLayout = {
      columns = 48
      tiles = [
        for place, chart in local.charts : {
          xPos   = 16 * (place % 3)
          yPos   = 12 * floor(place / 3)
          width  = 16
          height = 12
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [
                for name, query in chart.queries : {
                  plotType       = "LINE"
                  legendTemplate = replace(replace(name, "{{", format("%s{labels.", "$")), "}}", "}")
                  timeSeriesQuery = {
                    prometheusQuery = query
                    unitOverride    = chart.unit
                  }
                }
              ]
              thresholds = [for line in compact([try(tostring(chart.line), "")]) : { value = tonumber(line) }]
              yAxis      = { label = chart.unit, scale = "LINEAR" }
            }
          }
        }
      ]
    }
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode(local.dashboard)

  depends_on = [google_project_service.this]
}
