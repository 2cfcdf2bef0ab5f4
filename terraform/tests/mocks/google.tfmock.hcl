# Values that Google computes, where others are made of them.
mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}
