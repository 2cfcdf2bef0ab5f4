"""The engine that weighs: names, streets and dates as evidence, not exact identifiers alone."""
