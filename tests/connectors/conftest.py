"""Makes conformance.py and openapi.py of this folder importable from the folders below it."""
