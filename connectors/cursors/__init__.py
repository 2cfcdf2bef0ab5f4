"""Where a source was read to: kept by compare-and-set, held by one reader at a time."""

from connectors.cursors.store import Cursor, CursorMoved, CursorStore, Lease, LeaseTaken, Stored

__all__ = ["Cursor", "CursorMoved", "CursorStore", "Lease", "LeaseTaken", "Stored"]
