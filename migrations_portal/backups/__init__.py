"""Backups: taken into the vault, read back, restored to prove them, kept as long as the spec says."""
