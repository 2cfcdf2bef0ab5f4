"""Identity: which records are one person or one account. Plain Python; no Beam, no SQL."""
