"""The four vendors as local HTTP servers with state and faults."""
