"""A company that does not exist, with the truth of who is who."""
