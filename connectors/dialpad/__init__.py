"""Dialpad: calls with their transcripts and recaps, users, contacts, and events as they happen."""
