"""A Dialpad company: its REST API, and the events that it sends."""
