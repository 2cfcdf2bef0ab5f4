"""The one truth: envelope, Change, domain records and table definitions."""
