"""Telling people: an outbox in the same transaction as the change, delivered at least once."""
