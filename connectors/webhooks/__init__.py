"""The edge that vendors call: verified, read, published, and only then answered."""
